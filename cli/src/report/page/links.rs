//! Links from the report's resources to the AWS consoles and the Entra admin center.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use onboarding_core::contract::Report;

/// Characters that are not escaped in a path segment or a fragment.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// Creates the links for one report.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links<'a> {
    report: &'a Report,
}

impl<'a> Links<'a> {
    /// The links for this report. `None` if the onboarding ran in a local cloud, or in an AWS partition whose consoles
    /// have other addresses.
    #[must_use]
    pub(super) fn of(report: &'a Report) -> Option<Self> {
        let partition = report.instance.instance_arn.split(':').nth(1);
        (!super::is_local(report) && partition == Some("aws")).then_some(Self { report })
    }

    fn aws(&self, rest: &str) -> String {
        format!("https://{}.console.aws.amazon.com/{rest}", escaped(&self.report.region))
    }

    /// Returns the link to the console's list of the Amazon Connect instances in the Region.
    #[must_use]
    pub(super) fn instances(&self) -> String {
        self.aws(&format!("connect/v2/app/instances?region={}", escaped(&self.report.region)))
    }

    /// Returns the link to the execution in the Step Functions console.
    #[must_use]
    pub(super) fn execution(&self) -> String {
        self.aws(&format!(
            "states/home?region={}#/v2/executions/details/{}",
            escaped(&self.report.region),
            escaped(&self.report.execution)
        ))
    }

    /// Returns the link to a quota of Amazon Connect in the Service Quotas console.
    #[must_use]
    pub(super) fn quota(&self, code: &str) -> String {
        self.aws(&format!("servicequotas/home/services/connect/quotas/{}", escaped(code)))
    }

    /// Returns the link to a SAML provider, policy or role, identified by its ARN.
    #[must_use]
    pub(super) fn iam(&self, arn: &str) -> Option<String> {
        let resource = arn.rsplit(':').next()?;
        let name = resource.rsplit('/').next()?;
        let place = match resource.split('/').next()? {
            "saml-provider" => format!("identity_providers/details/SAML/{}", escaped(arn)),
            "policy" => format!("policies/details/{}", escaped(arn)),
            "role" => format!("roles/details/{}", escaped(name)),
            _ => return None,
        };
        Some(format!("https://us-east-1.console.aws.amazon.com/iam/home#/{place}"))
    }

    /// Returns the link to the objects in `s3://bucket/prefix`.
    #[must_use]
    pub(super) fn bucket(&self, location: &str) -> Option<String> {
        let (bucket, prefix) = location.strip_prefix("s3://")?.split_once('/')?;
        Some(format!(
            "https://s3.console.aws.amazon.com/s3/buckets/{}?region={}&prefix={}/",
            escaped(bucket),
            escaped(&self.report.region),
            escaped(prefix)
        ))
    }

    /// Returns the link to a Support case, identified by the id that Support Center shows.
    #[must_use]
    pub(super) fn case(&self, display_id: &str) -> String {
        format!("https://support.console.aws.amazon.com/support/home#/case/?displayId={}", escaped(display_id))
    }

    /// Returns the link to the enterprise application in the Entra admin center.
    #[must_use]
    pub(super) fn application(&self) -> String {
        let application = &self.report.sign_on.application;
        format!(
            "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/ManagedAppMenuBlade/~/Overview/objectId/{}/appId/{}",
            escaped(&application.service_principal_id),
            escaped(&application.app_id)
        )
    }

    /// Returns the link to an Entra group.
    #[must_use]
    pub(super) fn group(&self, id: &str) -> String {
        format!(
            "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/GroupDetailsMenuBlade/~/Overview/groupId/{}",
            escaped(id)
        )
    }
}
