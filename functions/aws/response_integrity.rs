//! Rejects incomplete XML responses from AWS. The SDK accepts a truncated XML document as complete. As a result, a role
//! could appear to have no tags, or a list could lack elements.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::AfterDeserializationInterceptorContextRef},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;

/// An interceptor for services that respond in XML. Rejects responses that are not well-formed XML.
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
