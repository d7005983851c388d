package sts

import (
	"time"

	"idpool/iam"
	"idpool/issuer"
	"idpool/policy"
	"idpool/store"
)

// The session policies of the enhanced flow, after the developer guide's page "iam-roles", section "Access policies for
// unauthenticated identities". Those of guests are an inline and a managed one. Whoever came by a pool is kept from the
// operations of pools and of Sync, as the page says beside the lists, and from idpool's own on them: so they are left out of the inline list, which names
// them. Not a Deny but no Allow, so that a role without policies is refused in the words that have been seen.
var (
	noPools = scope("no operations of identity pools", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","NotAction":["cognito-identity:*","cognito-sync:*","idpool:*"],"Resource":"*"}]}`)
	guestInline = scope("of guests, inline", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[
		"cloudwatch:*","logs:*","dynamodb:*","kinesis:*","mobileanalytics:*","s3:*","ses:*","sns:*","sqs:*","lambda:*",
		"machinelearning:*","execute-api:*","iot:*","gamelift:*","cognito-idp:*","lex:*","polly:*",
		"comprehend:*","translate:*","transcribe:*","rekognition:*","mobiletargeting:*","firehose:*","appsync:*",
		"personalize:*","sagemaker:InvokeEndpoint","codewhisperer:*","textract:DetectDocumentText",
		"textract:AnalyzeDocument","sdb:*"],"Resource":"*"}]}`)
	guestManaged = scope("arn:aws:iam::aws:policy/AmazonCognitoUnAuthedIdentitiesSessionPolicy", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["rum:PutRumEvents","polly:*","comprehend:*","translate:*","transcribe:*","rekognition:*",
		"mobiletargeting:*","firehose:*","personalize:*","sagemaker:InvokeEndpoint","geo:GetMap*","geo:SearchPlaceIndex*",
		"geo:GetPlace","geo:CalculateRoute*","geo:*Geofence","geo:*Geofences","geo:*DevicePosition*","kms:Encrypt","kms:Decrypt",
		"kms:ReEncryptTo","kms:ReEncryptFrom","kms:GenerateDataKey","kms:GenerateDataKeyPair",
		"kms:GenerateDataKeyPairWithoutPlaintext","kms:GenerateDataKeyWithoutPlaintext"],"Resource":"*"}]}`)
)

func scope(name, document string) policy.Named {
	p, err := policy.Parse(policy.Session, document)
	if err != nil {
		panic(err) // not reached by the documents above
	}
	return policy.Named{Name: name, Policy: p}
}

// scopes are the session policies of each flow; nil is no limit.
var scopes = [flows][]policy.Named{
	Enhanced:      {noPools},
	EnhancedGuest: {guestInline, guestManaged},
}

// permissions are what iam needs to know of a session to decide what it may do.
func (s *Session) permissions(state *store.Session) (*iam.Session, error) {
	p := &iam.Session{
		RoleID: s.RoleID, RoleARN: iam.RoleARN(&store.Role{Account: state.Account, Path: state.RolePath, Name: state.RoleName}),
		Policies: scopes[s.Flow], Managed: s.Policies, Tags: s.Tags, Transitive: s.Transitive, SourceIdentity: s.SourceIdentity,
		Context: policy.Context{{Key: "aws:TokenIssueTime", Values: []string{s.Issued.Format(time.RFC3339)}}},
	}
	if s.Policy != "" {
		parsed, err := policy.Parse(policy.Session, s.Policy)
		if err != nil {
			return nil, err // it was parsed when the session was made
		}
		p.Policies = append(p.Policies[:len(p.Policies):len(p.Policies)], policy.Named{Name: "of the session", Policy: parsed})
	}
	if s.Identity != nil {
		p.Context = append(p.Context, s.Identity.context()...)
	}
	if s.Federated != nil {
		p.Context = append(p.Context, s.Federated.context()...)
	}
	if s.SourceIdentity != "" {
		p.Context = append(p.Context, policy.Pair{Key: "aws:SourceIdentity", Values: []string{s.SourceIdentity}})
	}
	return p, nil
}

// context are the condition keys of a session that a pool made.
func (i *IdentityOf) context() policy.Context {
	pool := i.Pool.In(i.Region)
	kind := "cognito-identity-auth:"
	if len(i.AMR) > 0 && i.AMR[0] == "unauthenticated" {
		kind = "cognito-identity-unauth:"
	}
	return policy.Context{
		{Key: "aws:FederatedProvider", Values: []string{issuer.Name}},
		{Key: issuer.Name + ":aud", Values: []string{pool}},
		{Key: issuer.Name + ":sub", Values: []string{i.ID.In(i.Region)}},
		{Key: issuer.Name + ":amr", Values: i.AMR},
		{Key: kind + "AccountId", Values: []string{i.Account}},
		{Key: kind + "IdentityPoolArn", Values: []string{"arn:aws:cognito-identity:" + i.Region + ":" + i.Account + ":identitypool/" + pool}},
	}
}
