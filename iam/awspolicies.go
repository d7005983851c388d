package iam

import (
	"time"

	"idpool/store"
)

// awsAccount is what stands for an account in the ARNs of the policies that are built in.
const awsAccount = "aws"

// awsPolicy is a policy that every account has, and nobody can change. Its only version is v1.
type awsPolicy struct {
	name        string
	id          string
	description string
	created     string // RFC 3339
	document    string
}

// awsPolicies are those of the original's managed policies that are about identity pools, by name, and the administrator's.
// They say what theirs say of cognito-identity and iam; other services are left out, since nobody here evaluates those.
//
// The original's ids are kept, so that what was written down of them holds.
var awsPolicies = []awsPolicy{
	{
		name: "AdministratorAccess", id: "ANPAIWMBCKSKIEE64ZLYK", created: "2015-02-06T18:39:46Z",
		description: "Provides full access to AWS services and resources.",
		document:    `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
	},
	{
		name: "AmazonCognitoDeveloperAuthenticatedIdentities", id: "ANPAIQOKZ5BGKLCMTXH4W", created: "2015-03-24T17:22:23Z",
		description: "Provides access to Amazon Cognito APIs to support developer authenticated identities from your authentication backend.",
		document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` +
			`"cognito-identity:GetOpenIdTokenForDeveloperIdentity","cognito-identity:LookupDeveloperIdentity",` +
			`"cognito-identity:MergeDeveloperIdentities","cognito-identity:UnlinkDeveloperIdentity"],"Resource":"*"}]}`,
	},
	{
		name: "AmazonCognitoPowerUser", id: "ANPAJKW5H2HNCPGCYGR6Y", created: "2015-03-24T17:14:56Z",
		description: "Provides administrative access to existing Amazon Cognito resources.",
		document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["cognito-identity:*",` +
			`"iam:ListRoles","iam:ListOpenIdConnectProviders","iam:GetRole","iam:ListSAMLProviders","iam:GetSAMLProvider"],` +
			`"Resource":"*"}]}`,
	},
	{
		name: "AmazonCognitoReadOnly", id: "ANPAJBFTRZD2GQGJHSVQK", created: "2015-03-24T17:06:46Z",
		description: "Provides read only access to Amazon Cognito resources.",
		document: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["cognito-identity:Describe*",` +
			`"cognito-identity:Get*","cognito-identity:List*","iam:ListOpenIdConnectProviders","iam:ListRoles"],` +
			`"Resource":"*"}]}`,
	},
}

// stored is the policy as one of the database would be read, but for its uses.
func (p *awsPolicy) stored() *store.Policy {
	created, err := time.Parse(time.RFC3339, p.created)
	if err != nil {
		panic(err) // a test reads all of them
	}
	return &store.Policy{
		Account: awsAccount, Name: p.name, Path: "/", UniqueID: p.id, Description: p.description, Default: 1, Latest: 1,
		Created: created, Updated: created,
	}
}

// version is the only one.
func (p *awsPolicy) version() *store.PolicyVersion {
	return &store.PolicyVersion{Number: 1, Document: p.document, Created: p.stored().Created}
}

// findAWSPolicy returns the policy that is built in under an ARN, or nil.
func findAWSPolicy(arn string) *awsPolicy {
	for i := range awsPolicies {
		if arn == "arn:aws:iam::"+awsAccount+":policy/"+awsPolicies[i].name {
			return &awsPolicies[i]
		}
	}
	return nil
}
