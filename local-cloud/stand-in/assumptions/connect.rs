//! The assumptions about Amazon Connect.

use super::{Area, Assumption, Text};
use crate::stand_in::options::NumberStock;

pub(super) const ROWS: [Assumption; 17] = [
    Assumption {
        name: "rate-bucket",
        area: Area::Connect,
        assumed: Text {
            en: "Each operation has its own rate quota.",
            ja: "API レートのクォータは、操作ごとに適用されます。",
        },
        other: Text {
            en: "All operations share one rate quota.",
            ja: "すべての操作で、API レートの 1 つのクォータを共有します。",
        },
        source: "Amazon Connect API throttling quotas: both readings are possible",
        play: |behaviour| behaviour.shared_bucket = true,
    },
    Assumption {
        name: "alias-reuse",
        area: Area::Connect,
        assumed: Text {
            en: "The alias of a deleted instance can be used again.",
            ja: "削除したインスタンスのエイリアスは再び使用できます。",
        },
        other: Text {
            en: "The alias of a deleted instance can't be used again.",
            ja: "削除したインスタンスのエイリアスは再び使用できません。",
        },
        source: "not documented",
        play: |behaviour| behaviour.aliases_reusable = false,
    },
    Assumption {
        name: "alias-taken-wording",
        area: Area::Connect,
        assumed: Text {
            en: "CreateInstance rejects an alias that is already used with \"Instance alias is already used\".",
            ja: "使用中のエイリアスを指定すると、CreateInstance はメッセージ「Instance alias is already used」を返してリクエストを拒否します。",
        },
        other: Text {
            en: "CreateInstance rejects such an alias with a different message about the alias.",
            ja: "CreateInstance は、エイリアスに関する別のメッセージを返してリクエストを拒否します。",
        },
        source: "terraform-provider-aws#38115",
        play: |behaviour| behaviour.alias_taken_message = "Invalid Input. The requested alias is not available.",
    },
    Assumption {
        name: "deleted-instance-visibility",
        area: Area::Connect,
        assumed: Text {
            en: "A deleted instance disappears within a minute.",
            ja: "削除したインスタンスは、1 分以内に取得できなくなります。",
        },
        other: Text {
            en: "A deleted instance remains visible for ten minutes.",
            ja: "インスタンスの情報は、削除後も 10 分間は取得できます。",
        },
        source: "not documented",
        play: |behaviour| behaviour.instance_deletion_seconds = 600.0,
    },
    Assumption {
        name: "second-deletion",
        area: Area::Connect,
        assumed: Text {
            en: "DeleteInstance returns ResourceNotFoundException for an instance that is being deleted.",
            ja: "削除中のインスタンスに対して DeleteInstance を呼び出すと、ResourceNotFoundException が返されます。",
        },
        other: Text {
            en: "DeleteInstance returns InvalidRequestException for an instance that is being deleted.",
            ja: "削除中のインスタンスに対して DeleteInstance を呼び出すと、InvalidRequestException が返されます。",
        },
        source: "Amazon Connect API reference, DeleteInstance: lists both errors without a reason",
        play: |behaviour| behaviour.refuses_second_deletion = true,
    },
    Assumption {
        name: "user-visibility",
        area: Area::Connect,
        assumed: Text {
            en: "A new user is listed within seconds.",
            ja: "新しいユーザーは、数秒以内に一覧に表示されます。",
        },
        other: Text {
            en: "A new user is listed after a minute.",
            ja: "新しいユーザーが一覧に表示されるまで 1 分かかります。",
        },
        source: "no time is documented",
        play: |behaviour| {
            behaviour.user_visible_seconds = 45.0;
            behaviour.user_listed_seconds = 60.0;
        },
    },
    Assumption {
        name: "username-reuse",
        area: Area::Connect,
        assumed: Text {
            en: "The username of a deleted user can be used again.",
            ja: "削除したユーザーのユーザー名は再び使用できます。",
        },
        other: Text {
            en: "The username of a deleted user can't be used again in the instance.",
            ja: "削除したユーザーのユーザー名は、同じインスタンスでは再び使用できません。",
        },
        source: "not documented",
        play: |behaviour| behaviour.usernames_reusable = false,
    },
    Assumption {
        name: "quick-connects-of-user",
        area: Area::Connect,
        assumed: Text {
            en: "DeleteUser deletes a user and leaves the quick connects that transfer contacts to the user.",
            ja: "DeleteUser でユーザーを削除しても、そのユーザーに転送するクイック接続は残ります。",
        },
        other: Text {
            en: "DeleteUser rejects the deletion while such a quick connect exists.",
            ja: "該当するクイック接続がある間、DeleteUser は削除を拒否します。",
        },
        source: "Amazon Connect administrator guide, delete users: an earlier edition describes a deletion that fails",
        play: |behaviour| behaviour.quick_connects_block_deletion = true,
    },
    Assumption {
        name: "channel-settings",
        area: Area::Connect,
        assumed: Text {
            en: "UpdateUserConfig clears the settings of channels that the request does not contain.",
            ja: "UpdateUserConfig は、リクエストで指定しないチャネルの設定を削除します。",
        },
        other: Text {
            en: "UpdateUserConfig keeps the settings of channels that the request does not contain.",
            ja: "UpdateUserConfig は、リクエストで指定しないチャネルの設定を変更しません。",
        },
        source: "Amazon Connect API reference, UpdateUserConfig",
        play: |behaviour| behaviour.config_merges_channels = true,
    },
    Assumption {
        name: "channel-work-unit",
        area: Area::Connect,
        assumed: Text {
            en: "SearchUsers returns the after-contact work time of a channel in seconds.",
            ja: "SearchUsers は、チャネルごとのアフターコンタクトワーク (ACW) の時間を秒単位で返します。",
        },
        other: Text {
            en: "SearchUsers returns this time in milliseconds, as in PhoneConfig.",
            ja: "SearchUsers は、PhoneConfig と同様に、この時間をミリ秒単位で返します。",
        },
        source: "Amazon Connect API reference, UserSearchSummary: states milliseconds for PhoneConfig only",
        play: |behaviour| behaviour.channel_work_in_milliseconds = true,
    },
    Assumption {
        name: "proficiency-association",
        area: Area::Connect,
        assumed: Text {
            en: "AssociateUserProficiencies rejects a proficiency that the user already has.",
            ja: "ユーザーにすでに割り当てられている習熟度を指定すると、AssociateUserProficiencies はリクエストを拒否します。",
        },
        other: Text {
            en: "AssociateUserProficiencies sets the level of such a proficiency.",
            ja: "AssociateUserProficiencies は、その習熟度のレベルを設定します。",
        },
        source: "Amazon Connect API reference, AssociateUserProficiencies: states neither",
        play: |behaviour| behaviour.proficiencies_reassociable = true,
    },
    Assumption {
        name: "number-visibility",
        area: Area::Connect,
        assumed: Text {
            en: "A claimed phone number is listed within seconds.",
            ja: "取得した電話番号は、数秒以内に一覧に表示されます。",
        },
        other: Text {
            en: "A claimed phone number is listed after two minutes.",
            ja: "取得した電話番号が一覧に表示されるまで 2 分かかります。",
        },
        source: "no time is documented",
        play: |behaviour| behaviour.number_listed_seconds = 120.0,
    },
    Assumption {
        name: "japanese-numbers",
        area: Area::Connect,
        assumed: Text {
            en: "SearchAvailablePhoneNumbers returns no Japanese phone numbers.",
            ja: "SearchAvailablePhoneNumbers の検索結果に、日本の電話番号は含まれません。",
        },
        other: Text {
            en: "SearchAvailablePhoneNumbers returns some Japanese phone numbers.",
            ja: "SearchAvailablePhoneNumbers の検索結果に、日本の電話番号も含まれます。",
        },
        source: "Amazon Connect administrator guide, phone numbers in Japan: ordered with a Support case",
        play: |behaviour| {
            behaviour.number_inventory.push(NumberStock {
                country: "JP".into(),
                kind: "DID".into(),
                prefix: "+8150555".into(),
                quantity: 20,
            });
        },
    },
    Assumption {
        name: "flow-content",
        area: Area::Connect,
        assumed: Text {
            en: "DescribeContactFlow returns the content of a flow as it was written.",
            ja: "DescribeContactFlow は、フローの内容を書き込まれたとおりに返します。",
        },
        other: Text {
            en: "DescribeContactFlow returns the content with additional metadata and empty members.",
            ja: "DescribeContactFlow は、メタデータと空のメンバーを追加した内容を返します。",
        },
        source: "Amazon Connect API reference, DescribeContactFlow: states neither",
        play: |behaviour| behaviour.flow_content_completed = true,
    },
    Assumption {
        name: "testing-language",
        area: Area::Connect,
        assumed: Text {
            en: "Test cases must have version 2019-10-30 of the testing language.",
            ja: "テストケースには、テスト言語のバージョン 2019-10-30 を指定する必要があります。",
        },
        other: Text {
            en: "Test cases must have version 2025-06-21 of the testing language.",
            ja: "テストケースには、テスト言語のバージョン 2025-06-21 を指定する必要があります。",
        },
        source: "Amazon Connect developer guide, Example test: shows 2025-06-21; public projects report that the service rejects it",
        play: |behaviour| behaviour.testing_language = "2025-06-21",
    },
    Assumption {
        name: "test-case-region",
        area: Area::Connect,
        assumed: Text {
            en: "The Region offers test cases.", ja: "このリージョンでは、テストケースを利用できます。"
        },
        other: Text {
            en: "The Region does not offer test cases, and rejects operations on test cases as unknown operations.",
            ja: "このリージョンではテストケースを利用できず、テストケースの操作は不明な操作として拒否されます。",
        },
        source: "AWS What's New, 2026-02-02: lists Regions without Osaka; the error in other Regions is not documented",
        play: |behaviour| behaviour.test_cases_offered = false,
    },
    Assumption {
        name: "number-service",
        area: Area::Quotas,
        assumed: Text {
            en: "AWS Support has a separate service for Connect phone numbers, with a category for new phone numbers.",
            ja: "AWS サポートには Connect の電話番号専用のサービスがあり、新しい電話番号のカテゴリはそのサービスに含まれます。",
        },
        other: Text {
            en: "New phone numbers are a category of the Connect service in AWS Support.",
            ja: "新しい電話番号のカテゴリは、Connect 自体のサービスに含まれます。",
        },
        source: "Amazon Connect administrator guide, number management: the names can change",
        play: |behaviour| behaviour.number_service_listed = false,
    },
];
