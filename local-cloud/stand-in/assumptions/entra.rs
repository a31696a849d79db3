//! The assumptions about Entra, Microsoft Graph and signing certificates.

use super::{Area, Assumption, Text};

pub(super) const ROWS: [Assumption; 16] = [
    Assumption {
        name: "application-replication",
        area: Area::Entra,
        assumed: Text {
            en: "A new application is visible in all replicas within 20 seconds.",
            ja: "新しいアプリケーションは 20 秒以内にすべてのレプリカに複製されます。",
        },
        other: Text {
            en: "A new application is visible in all replicas after five minutes.",
            ja: "すべてのレプリカに複製されるまで 5 分かかります。",
        },
        source: "msgraph-bicep-types#193; Microsoft states no time",
        play: |behaviour| {
            behaviour.graph.replication_seconds = 120.0;
            behaviour.graph.list_replication_seconds = 300.0;
            behaviour.graph.role_replication_seconds = 240.0;
        },
    },
    Assumption {
        name: "identifier-policy",
        area: Area::Entra,
        assumed: Text {
            en: "The tenant's policy on identifier URIs exempts SAML applications.",
            ja: "テナントの識別子 URI ポリシーは、SAML アプリケーションを対象外とします。",
        },
        other: Text {
            en: "The policy exempts only applications that receive version 2 tokens.",
            ja: "ポリシーは、バージョン 2 のトークンを受け取るアプリケーションのみを対象外とします。",
        },
        source: "entra-apps-identifier-uri-protection#6",
        play: |behaviour| behaviour.graph.exempts_saml_identifiers = false,
    },
    Assumption {
        name: "saml-mode-replication",
        area: Area::Entra,
        assumed: Text {
            en: "The policy on identifier URIs detects an application's SAML mode within seconds.",
            ja: "アプリケーションの SAML モードは、数秒以内に識別子 URI ポリシーの判定に反映されます。",
        },
        other: Text {
            en: "The policy detects the SAML mode after two minutes.",
            ja: "反映されるまで 2 分かかります。",
        },
        source: "entra-apps-identifier-uri-protection#6",
        play: |behaviour| behaviour.graph.saml_mode_seconds = 120.0,
    },
    Assumption {
        name: "identifier-taken-wording",
        area: Area::Entra,
        assumed: Text {
            en: "Graph rejects an identifier URI that is already used with a message that contains identifierUris.",
            ja: "使用中の識別子 URI を指定すると、Graph は identifierUris を含むメッセージを返してリクエストを拒否します。",
        },
        other: Text {
            en: "Graph rejects the identifier URI with the code Request_MultipleObjectsWithSameKeyValue and a different message.",
            ja: "Graph は、コード Request_MultipleObjectsWithSameKeyValue と別のメッセージを返してリクエストを拒否します。",
        },
        source: "microsoft-graph-docs, error codes; both appear in issues",
        play: |behaviour| behaviour.graph.identifier_taken_by_code = true,
    },
    Assumption {
        name: "released-identifiers",
        area: Area::Entra,
        assumed: Text {
            en: "Identifiers that were removed from an application before its deletion can be used again immediately.",
            ja: "アプリケーションの削除前に除外した識別子は、すぐに再び使用できます。",
        },
        other: Text {
            en: "Removed identifiers remain reserved for the 30 days in which the application can be restored.",
            ja: "除外した識別子は、アプリケーションを復元できる 30 日間は使用できません。",
        },
        source: "Microsoft Graph, application: deleted items; not stated for removed identifiers",
        play: |behaviour| behaviour.graph.deleted_hold_identifiers = true,
    },
    Assumption {
        name: "assignment-exists-wording",
        area: Area::Entra,
        assumed: Text {
            en: "Graph rejects an existing assignment with status 400 and \"Permission being assigned already exists\".",
            ja: "既存の割り当てを追加しようとすると、Graph は 400 とメッセージ「Permission being assigned already exists」を返してリクエストを拒否します。",
        },
        other: Text {
            en: "Graph rejects an existing assignment with status 409 and \"EntitlementGrant entry already exists.\"",
            ja: "Graph は、409 とメッセージ「EntitlementGrant entry already exists.」を返してリクエストを拒否します。",
        },
        source: "msgraph-bicep-types#161 and #193",
        play: |behaviour| behaviour.graph.assignment_exists_as_conflict = true,
    },
    Assumption {
        name: "reference-exists-wording",
        area: Area::Entra,
        assumed: Text {
            en: "Graph rejects a claims policy that is already assigned with \"added object references already exist\".",
            ja: "割り当て済みのクレームポリシーを追加しようとすると、Graph はメッセージ「added object references already exist」を返してリクエストを拒否します。",
        },
        other: Text {
            en: "Graph rejects an assigned claims policy with \"A conflicting object … is present in the directory.\"",
            ja: "Graph は、メッセージ「A conflicting object … is present in the directory.」を返してリクエストを拒否します。",
        },
        source: "msgraph-bicep-types#161",
        play: |behaviour| behaviour.graph.reference_exists_as_conflict = true,
    },
    Assumption {
        name: "saml-application-deletion",
        area: Area::Entra,
        assumed: Text {
            en: "An application in SAML mode can be deleted.",
            ja: "SAML モードのアプリケーションは削除できます。",
        },
        other: Text {
            en: "Graph rejects the deletion with DeletingSamlSpNotAllowed while the service principal exists.",
            ja: "サービスプリンシパルが存在する間は、Graph が DeletingSamlSpNotAllowed を返して削除を拒否します。",
        },
        source: "terraform-provider-azuread#1388",
        play: |behaviour| behaviour.graph.refuses_saml_deletion = true,
    },
    Assumption {
        name: "notification-delay",
        area: Area::Entra,
        assumed: Text {
            en: "Graph sends a change notification within a minute.",
            ja: "Graph は変更通知を 1 分以内に送信します。",
        },
        other: Text {
            en: "Graph sends a change notification after 15 minutes.",
            ja: "変更通知の送信まで 15 分かかります。",
        },
        source: "Microsoft Graph, change notifications: latency for groups is \"Unknown\"",
        play: |behaviour| behaviour.graph.notification_seconds = 900.0,
    },
    Assumption {
        name: "stale-reads",
        area: Area::Certificates,
        assumed: Text {
            en: "A read of an application's certificates includes the last change.",
            ja: "アプリケーションの証明書を取得すると、最新の状態が返されます。",
        },
        other: Text {
            en: "For a minute, every third read returns the state before the last change.",
            ja: "1 分間は、3 回に 1 回の割合で変更前の状態が返されます。",
        },
        source: "terraform-provider-microsoft365#3491",
        play: |behaviour| behaviour.graph.stale_reads_every = Some(3),
    },
    Assumption {
        name: "certificate-visibility",
        area: Area::Certificates,
        assumed: Text {
            en: "A new signing certificate can be read within seconds.",
            ja: "新しい署名証明書は、数秒以内に取得できるようになります。",
        },
        other: Text {
            en: "A new signing certificate can be read after two minutes.",
            ja: "取得できるようになるまで 2 分かかります。",
        },
        source: "terraform-provider-azuread#823; no time is documented",
        play: |behaviour| behaviour.graph.certificate_seconds = 120.0,
    },
    Assumption {
        name: "metadata-publication",
        area: Area::Certificates,
        assumed: Text {
            en: "The federation metadata contains a new certificate within seconds.",
            ja: "新しい証明書は、数秒以内にフェデレーションメタデータに反映されます。",
        },
        other: Text {
            en: "The federation metadata contains a new certificate after five minutes.",
            ja: "フェデレーションメタデータに反映されるまで 5 分かかります。",
        },
        source: "no time is documented",
        play: |behaviour| behaviour.graph.metadata_seconds = 300.0,
    },
    Assumption {
        name: "old-certificate-signs",
        area: Area::Certificates,
        assumed: Text {
            en: "Entra signs with a newly activated certificate within a minute.",
            ja: "Entra は、新しく有効にした証明書で 1 分以内に署名を開始します。",
        },
        other: Text {
            en: "For 45 minutes, Entra signs some responses with the old certificate.",
            ja: "45 分間は、一部の SAML レスポンスが古い証明書で署名されます。",
        },
        source: "no time is documented; the product waits an hour",
        play: |behaviour| behaviour.graph.activation_seconds = 2_700.0,
    },
    Assumption {
        name: "certificate-removal",
        area: Area::Certificates,
        assumed: Text {
            en: "Graph removes a certificate if the credential lists are written without that certificate and with null secrets.",
            ja: "証明書を除外し、シークレットの値を null にした認証情報のリストを書き込むと、Graph がその証明書を削除します。",
        },
        other: Text {
            en: "Graph rejects every such change.", ja: "Graph は、このような変更をすべて拒否します。"
        },
        source: "terraform-provider-microsoft365#3491",
        play: |behaviour| behaviour.graph.refuses_certificate_removal = true,
    },
    Assumption {
        name: "composed-metadata",
        area: Area::Certificates,
        assumed: Text {
            en: "IAM accepts metadata that was generated from the application's certificates, without Entra's signature.",
            ja: "IAM は、アプリケーションの証明書から作成した、Entra の署名がないメタデータを受け入れます。",
        },
        other: Text {
            en: "IAM accepts only metadata with the issuer's signature.",
            ja: "IAM は、発行者の署名があるメタデータのみを受け入れます。",
        },
        source: "IAM API reference, UpdateSAMLProvider: states no rule for signatures",
        play: |behaviour| behaviour.metadata_must_be_signed = true,
    },
    Assumption {
        name: "old-metadata-trusted",
        area: Area::Certificates,
        assumed: Text {
            en: "AWS sign-in uses updated SAML metadata within a minute.",
            ja: "更新した SAML メタデータは、1 分以内に AWS サインインで使用されます。",
        },
        other: Text {
            en: "AWS sign-in uses the previous metadata for nine more minutes.",
            ja: "9 分間は、更新前のメタデータが使用されます。",
        },
        source: "IAM user guide, eventual consistency: states no time; the product waits ten minutes",
        play: |behaviour| behaviour.provider_update_seconds = 540.0,
    },
];
