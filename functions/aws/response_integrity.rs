//! Rejects incomplete XML responses from AWS. The SDK accepts a truncated document as complete. For example, a role
//! would then appear to have no tags, or a list would appear to be shorter.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::AfterDeserializationInterceptorContextRef},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;

/// Rejects responses that are not well-formed XML, for services that use XML.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WholeXml;

impl Intercept for WholeXml {
    fn name(&self) -> &'static str {
        "WholeXml"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        if !body.is_empty() && roxmltree::Document::parse(std::str::from_utf8(body)?).is_err() {
            return Err("the response is not a complete XML document".into());
        }
        Ok(())
    }
}
