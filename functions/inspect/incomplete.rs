//! Collects the data that a teardown needs if the instance has no registry entry. For example, an onboarding may have
//! failed before it registered the instance. The data comes from three sources: the input that the state machine
//! stored, the instance itself, and the default names that are derived from the alias.

use onboarding_core::{
    StepError, StepErrorKind,
    contract::EntraApplication,
    onboarding::{Language, Onboarding, Users},
};

use super::{
    entra::{self, ApplicationOwner, Found},
    instance,
};
use crate::{
    context::Context,
    registry::{Entry, Registry},
};

/// Returns a registry entry with the data that a teardown needs.
///
/// # Errors
/// `InvalidInput` if neither the registry nor Connect contains the alias of the instance.
pub(crate) async fn entry(ctx: &Context, registry: &Registry<'_>, instance_id: &str) -> Result<Entry, StepError> {
    let pending = registry.pending(instance_id).await?;
    let found = instance::describe(ctx, instance_id).await?;
    let alias = pending.alias.or_else(|| found.as_ref()?.instance.instance_alias().map(str::to_owned));
    let alias = alias.ok_or_else(|| {
        StepError::invalid_input(format!(
            "the instance {instance_id} is not in the registry, and Amazon Connect has no such instance: its teardown \
             has finished, or the id is wrong. If its onboarding failed and the instance was deleted since, run the \
             onboarding of the same alias again and tear it down"
        ))
    })?;
    let onboarding =
        pending.onboarding.unwrap_or_else(|| Onboarding::with_defaults(&alias, Users::default(), Language::default()));
    Ok(Entry {
        instance_id: instance_id.into(),
        instance_arn: found.and_then(|found| found.instance.arn).unwrap_or_default(),
        tenant_id: String::new(),
        users: onboarding.users.clone(),
        // An onboarding creates Graph subscriptions only after it has registered the instance. So there are no
        // subscriptions to delete.
        groups: Vec::new(),
        application: application(ctx, &alias, &onboarding.entra.application_name).await?,
        language: onboarding.language,
        onboarding: Some(onboarding),
        instance_adopted: None,
        alias,
    })
}

async fn application(ctx: &Context, alias: &str, name: &str) -> Result<Option<EntraApplication>, StepError> {
    let graph = ctx.graph();
    let principal = match entra::find(graph, alias, name).await {
        Ok(principal) => principal,
        // Several applications have this name, but none of them has the tag of this onboarding.
        Err(error) if error.kind == StepErrorKind::Conflict => None,
        Err(error) => return Err(error),
    };
    let Some(principal) = principal else { return Ok(None) };
    let found = Found::read(graph, &principal.id, "").await?;
    Ok(found.map(|found| EntraApplication {
        application_id: found.application.id,
        adopted: entra::owner(&found.principal, alias) != ApplicationOwner::Ours,
        app_id: found.principal.app_id,
        service_principal_id: found.principal.id,
        ..EntraApplication::default()
    }))
}
