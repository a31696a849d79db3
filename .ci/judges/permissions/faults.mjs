// Faults that the check of permissions must detect. Each fault consists of a change to the resolved stack and the name
// of the part of the check that must detect this change.

const statement = (resources, role, sid) => {
  const { Policies } = resources[role].properties
  return Policies.flatMap((one) => one.PolicyDocument.Statement).find((one) => one.Sid === sid)
}

export const FAULTS = {
  'a wrong name of an action': {
    part: 'policies',
    plant: (resources) => statement(resources, 'SyncUsersFunctionRole', 'WriteUsers').Action.push('connect:CreateUsers'),
  },
  'a resource that no action accepts': {
    part: 'policies',
    plant: (resources) => {
      statement(resources, 'SyncUsersFunctionRole', 'DeleteOwnUsers').Resource =
        'arn:aws:connect:ap-northeast-1:000000000000:instance/*/user/*'
    },
  },
  'a condition key that an action does not have': {
    part: 'policies',
    plant: (resources) => {
      statement(resources, 'ReceiveNotificationFunctionRole', 'TellTheBus').Condition = { StringEquals: { 'connect:InstanceId': 'i' } }
    },
  },
  'an action that a function lacks': {
    part: 'life',
    plant: (resources) => {
      statement(resources, 'SyncUsersFunctionRole', 'WriteUsers').Action = ['connect:UpdateUserPhoneConfig']
    },
  },
  'a queue that its rule can not reach': {
    part: 'aws',
    plant: (resources) => resources.EventQueuePolicy.properties.PolicyDocument.Statement[0].Condition.ArnLike['aws:SourceArn'].shift(),
  },
  'a trust line too many': {
    part: 'identities',
    plant: (resources) => {
      const { Principal } = resources.SetupIdentityRole.properties.AssumeRolePolicyDocument.Statement[0]
      Principal.AWS.push(resources.SubscribeGroupsFunctionRole.arn)
    },
  },
  'a secret that the wrong function may read': {
    part: 'secrets',
    plant: (_, { secrets }) => {
      secrets.resources.RuntimeIdentityPolicy.properties.PolicyDocument.Statement.push({
        Effect: 'Allow',
        Action: 'secretsmanager:GetSecretValue',
        Resource: '*',
      })
    },
  },
  'a role without the boundary': {
    part: 'bound',
    plant: (_, { boundary }) => delete boundary.resources.DriftStateMachineDailyRole.properties.PermissionsBoundary,
  },
  'a statement that allows too much': {
    part: 'denied',
    plant: (resources) => {
      statement(resources, 'OrderNumbersFunctionRole', 'ReadDocuments').Resource = '*'
    },
  },
}
