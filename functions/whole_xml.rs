//! XML of AWS, whole or not at all. The SDK takes what it has read of half a document for all of it: a role would seem to have
//! no tags, and a list to end where the answer broke off.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::AfterDeserializationInterceptorContextRef},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;

/// Refuses an answer that is no well-formed document, for services that speak XML.
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
            return Err("the answer is no whole XML document".into());
        }
        Ok(())
    }
}
