package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
)

// life makes whatever IAM and STS have, looks at it, changes it and takes it away.
func (e *estate) life(t *testing.T) {
	e.oidc(t)
	e.saml(t)
	e.policies(t)
	e.roles(t)
	e.users(t)
	e.sessions(t)
	e.checkEmpty(t)
}

const (
	arns       = "arn:aws:iam::" + account + ":"
	readOnly   = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}`
	readWrite  = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"*"}}`
	trustsRoot = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + arns + `root"},"Action":"sts:AssumeRole"}}`
	trustsUser = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + arns + `user/staff/ann"},"Action":["sts:AssumeRole","sts:TagSession"]}}`
)

// tags are some in the model's form.
func tags(pairs ...string) []any {
	var list []any
	for i := 0; i+1 < len(pairs); i += 2 {
		list = append(list, input{"Key": pairs[i], "Value": pairs[i+1]})
	}
	return list
}

func (e *estate) oidc(t *testing.T) {
	const arn, print = arns + "oidc-provider/login.example.com", "990f4193972f2becf12ddeda5237f9c952f20d9e"
	e.iamCall(t, "CreateOpenIDConnectProvider", input{
		"Url": "https://login.example.com", "ClientIDList": []any{"web"}, "ThumbprintList": []any{}, "Tags": tags("team", "web"),
	}).shows(t, "OpenIDConnectProviderArn", arn)
	in := func(more input) input {
		more["OpenIDConnectProviderArn"] = arn
		return more
	}
	e.iamCall(t, "AddClientIDToOpenIDConnectProvider", in(input{"ClientID": "mobile"}))
	e.iamCall(t, "RemoveClientIDFromOpenIDConnectProvider", in(input{"ClientID": "web"}))
	e.iamCall(t, "UpdateOpenIDConnectProviderThumbprint", in(input{"ThumbprintList": []any{print}}))
	e.iamCall(t, "TagOpenIDConnectProvider", in(input{"Tags": tags("stage", "test")}))
	e.iamCall(t, "UntagOpenIDConnectProvider", in(input{"TagKeys": []any{"team"}}))
	e.iamCall(t, "ListOpenIDConnectProviderTags", in(input{})).shows(t, "Tags.#", "1", "Tags.0.Key", "stage", "Tags.0.Value", "test")
	e.iamCall(t, "GetOpenIDConnectProvider", in(input{})).shows(t, "Url", "login.example.com", "ClientIDList.#", "1",
		"ClientIDList.0", "mobile", "ThumbprintList.0", print, "Tags.0.Key", "stage")
	e.iamCall(t, "ListOpenIDConnectProviders", input{}).shows(t, "OpenIDConnectProviderList.0.Arn", arn)
	e.iamCall(t, "DeleteOpenIDConnectProvider", in(input{}))
}

func (e *estate) saml(t *testing.T) {
	const arn = arns + "saml-provider/corp"
	text, err := os.ReadFile("../examples/terraform/metadata.xml")
	if err != nil {
		t.Fatal(err)
	}
	metadata := strings.TrimSpace(string(text)) // as the CLI hands it back
	changed := strings.ReplaceAll(metadata, "/saml/login", "/saml/sso")
	e.iamCall(t, "CreateSAMLProvider", input{"Name": "corp", "SAMLMetadataDocument": metadata, "Tags": tags("team", "web")}).
		shows(t, "SAMLProviderArn", arn)
	in := func(more input) input {
		more["SAMLProviderArn"] = arn
		return more
	}
	e.iamCall(t, "UpdateSAMLProvider", in(input{"SAMLMetadataDocument": changed})).shows(t, "SAMLProviderArn", arn)
	e.iamCall(t, "TagSAMLProvider", in(input{"Tags": tags("stage", "test")}))
	e.iamCall(t, "UntagSAMLProvider", in(input{"TagKeys": []any{"team"}}))
	e.iamCall(t, "ListSAMLProviderTags", in(input{})).shows(t, "Tags.#", "1", "Tags.0.Key", "stage")
	e.iamCall(t, "GetSAMLProvider", in(input{})).shows(t, "SAMLMetadataDocument", changed, "Tags.0.Value", "test")
	e.iamCall(t, "ListSAMLProviders", input{}).shows(t, "SAMLProviderList.#", "1", "SAMLProviderList.0.Arn", arn)
	e.iamCall(t, "DeleteSAMLProvider", in(input{}))
}

func (e *estate) policies(t *testing.T) {
	const arn = arns + "policy/app/bucket"
	e.iamCall(t, "CreatePolicy", input{
		"PolicyName": "bucket", "Path": "/app/", "Description": "a bucket", "PolicyDocument": readOnly, "Tags": tags("team", "web"),
	}).shows(t, "Policy.Arn", arn, "Policy.DefaultVersionId", "v1", "Policy.Tags.0.Key", "team")
	in := func(more input) input {
		more["PolicyArn"] = arn
		return more
	}
	e.iamCall(t, "CreatePolicyVersion", in(input{"PolicyDocument": readWrite})).
		shows(t, "PolicyVersion.VersionId", "v2", "PolicyVersion.IsDefaultVersion", "false")
	e.iamCall(t, "SetDefaultPolicyVersion", in(input{"VersionId": "v2"}))
	e.iamCall(t, "GetPolicyVersion", in(input{"VersionId": "v2"})).shows(t, "PolicyVersion.IsDefaultVersion", "true")
	e.iamCall(t, "DeletePolicyVersion", in(input{"VersionId": "v1"}))
	e.iamCall(t, "ListPolicyVersions", in(input{})).shows(t, "Versions.#", "1", "Versions.0.VersionId", "v2")
	e.iamCall(t, "TagPolicy", in(input{"Tags": tags("stage", "test")}))
	e.iamCall(t, "UntagPolicy", in(input{"TagKeys": []any{"team"}}))
	e.iamCall(t, "ListPolicyTags", in(input{})).shows(t, "Tags.#", "1", "Tags.0.Key", "stage")
	e.iamCall(t, "GetPolicy", in(input{})).shows(t, "Policy.Description", "a bucket", "Policy.DefaultVersionId", "v2")
	e.iamCall(t, "ListPolicies", input{"Scope": "Local"}).shows(t, "Policies.#", "1", "Policies.0.Arn", arn)

	e.iamCall(t, "CreateUser", input{"UserName": "bob", "PermissionsBoundary": arn}).shows(t, "User.PermissionsBoundary.PermissionsBoundaryArn", arn)
	e.iamCall(t, "DeleteUserPermissionsBoundary", input{"UserName": "bob"})
	e.iamCall(t, "AttachUserPolicy", in(input{"UserName": "bob"}))
	e.iamCall(t, "ListAttachedUserPolicies", input{"UserName": "bob"}).shows(t, "AttachedPolicies.0.PolicyArn", arn)
	e.iamCall(t, "ListEntitiesForPolicy", in(input{})).shows(t, "PolicyUsers.0.UserName", "bob", "PolicyRoles.#", "0")
	e.iamCall(t, "DetachUserPolicy", in(input{"UserName": "bob"}))
	e.iamCall(t, "PutUserPermissionsBoundary", input{"UserName": "bob", "PermissionsBoundary": arn})
	e.iamCall(t, "GetUser", input{"UserName": "bob"}).shows(t, "User.PermissionsBoundary.PermissionsBoundaryArn", arn)
	e.iamCall(t, "DeleteUser", input{"UserName": "bob"})
	e.iamCall(t, "DeletePolicy", in(input{}))
}

func (e *estate) roles(t *testing.T) {
	const arn, aws = arns + "role/app/reader", "arn:aws:iam::aws:policy/AmazonCognitoReadOnly"
	in := func(more input) input {
		more["RoleName"] = "reader"
		return more
	}
	e.iamCall(t, "CreateRole", in(input{
		"Path": "/app/", "AssumeRolePolicyDocument": trustsRoot, "Description": "reads", "MaxSessionDuration": 7200, "Tags": tags("team", "web"),
	})).shows(t, "Role.Arn", arn, "Role.Tags.0.Key", "team")
	e.iamCall(t, "UpdateAssumeRolePolicy", in(input{"PolicyDocument": trustsRoot}))
	e.iamCall(t, "UpdateRole", in(input{"MaxSessionDuration": 3600}))
	e.iamCall(t, "UpdateRoleDescription", in(input{"Description": "reads all"})).shows(t, "Role.Description", "reads all")
	e.iamCall(t, "PutRolePermissionsBoundary", in(input{"PermissionsBoundary": aws}))
	e.iamCall(t, "TagRole", in(input{"Tags": tags("stage", "test")}))
	e.iamCall(t, "UntagRole", in(input{"TagKeys": []any{"team"}}))
	e.iamCall(t, "ListRoleTags", in(input{})).shows(t, "Tags.#", "1", "Tags.0.Key", "stage")
	e.iamCall(t, "GetRole", in(input{})).shows(t, "Role.Path", "/app/", "Role.MaxSessionDuration", "3600",
		"Role.PermissionsBoundary.PermissionsBoundaryArn", aws, "Role.Description", "reads all")
	e.iamCall(t, "DeleteRolePermissionsBoundary", in(input{}))
	e.iamCall(t, "ListRoles", input{"PathPrefix": "/app/"}).shows(t, "Roles.#", "1", "Roles.0.Arn", arn)

	e.iamCall(t, "PutRolePolicy", in(input{"PolicyName": "bucket", "PolicyDocument": readOnly}))
	e.iamCall(t, "GetRolePolicy", in(input{"PolicyName": "bucket"})).shows(t, "PolicyName", "bucket", "RoleName", "reader")
	e.iamCall(t, "ListRolePolicies", in(input{})).shows(t, "PolicyNames.#", "1", "PolicyNames.0", "bucket")
	e.iamCall(t, "DeleteRolePolicy", in(input{"PolicyName": "bucket"}))
	e.iamCall(t, "AttachRolePolicy", in(input{"PolicyArn": aws}))
	e.iamCall(t, "ListAttachedRolePolicies", in(input{})).shows(t, "AttachedPolicies.#", "1", "AttachedPolicies.0.PolicyArn", aws)
	e.iamCall(t, "DetachRolePolicy", in(input{"PolicyArn": aws}))
	e.iamCall(t, "ListInstanceProfilesForRole", in(input{})).shows(t, "InstanceProfiles.#", "0")
	e.iamCall(t, "DeleteRole", in(input{}))
}

func (e *estate) users(t *testing.T) {
	in := func(more input) input {
		more["UserName"] = "ann"
		return more
	}
	e.iamCall(t, "CreateUser", input{"UserName": "anne", "Path": "/staff/", "Tags": tags("team", "web")}).shows(t, "User.Path", "/staff/")
	e.iamCall(t, "UpdateUser", input{"UserName": "anne", "NewUserName": "ann"})
	e.iamCall(t, "TagUser", in(input{"Tags": tags("stage", "test")}))
	e.iamCall(t, "UntagUser", in(input{"TagKeys": []any{"team"}}))
	e.iamCall(t, "ListGroupsForUser", in(input{})).shows(t, "Groups.#", "0")
	e.iamCall(t, "ListUserTags", in(input{})).shows(t, "Tags.#", "1", "Tags.0.Key", "stage")
	e.iamCall(t, "ListUsers", input{}).shows(t, "Users.#", "1", "Users.0.Arn", arns+"user/staff/ann")
	e.iamCall(t, "PutUserPolicy", in(input{"PolicyName": "bucket", "PolicyDocument": readOnly}))
	e.iamCall(t, "GetUserPolicy", in(input{"PolicyName": "bucket"})).shows(t, "UserName", "ann")
	e.iamCall(t, "ListUserPolicies", in(input{})).shows(t, "PolicyNames.0", "bucket")
	e.iamCall(t, "DeleteUserPolicy", in(input{"PolicyName": "bucket"}))

	key := e.iamCall(t, "CreateAccessKey", in(input{}))
	id, ann := key.at("AccessKey.AccessKeyId"), e.as(key, "AccessKey")
	ann.isCaller(t, arns+"user/staff/ann")
	e.userSessions(t, ann)
	e.call(t, "sts", "GetAccessKeyInfo", input{"AccessKeyId": id}).shows(t, "Account", account)
	e.iamCall(t, "UpdateAccessKey", in(input{"AccessKeyId": id, "Status": "Inactive"}))
	e.iamCall(t, "ListAccessKeys", in(input{})).shows(t, "AccessKeyMetadata.0.AccessKeyId", id, "AccessKeyMetadata.0.Status", "Inactive")
	e.iamCall(t, "DeleteAccessKey", in(input{"AccessKeyId": id}))
	e.iamCall(t, "DeleteUser", in(input{}))
}

// userSessions are those of a user: in their own name, in that of a role, and of another role from there.
func (e *estate) userSessions(t *testing.T, ann *estate) {
	ann.as(ann.call(t, "sts", "GetSessionToken", input{"DurationSeconds": 900}), "Credentials").isCaller(t, arns+"user/staff/ann")

	const next = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + arns + `role/first"},"Action":["sts:AssumeRole","sts:TagSession"]}}`
	createRole(t, e.node, "first", trustsUser)
	createRole(t, e.node, "second", next)
	first := ann.call(t, "sts", "AssumeRole", input{
		"RoleArn": roleARN("first"), "RoleSessionName": "one", "Tags": tags("team", "web"), "TransitiveTagKeys": []any{"team"},
	})
	const session = "arn:aws:sts::" + account + ":assumed-role/"
	first.shows(t, "AssumedRoleUser.Arn", session+"first/one")
	ann.as(first, "Credentials").isCaller(t, session+"first/one")
	second := ann.as(first, "Credentials").call(t, "sts", "AssumeRole", input{"RoleArn": roleARN("second"), "RoleSessionName": "two"})
	ann.as(second, "Credentials").isCaller(t, session+"second/two")
	e.deleteRoles(t, "first", "second")
}

func (e *estate) deleteRoles(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		e.iamCall(t, "DeleteRole", input{"RoleName": name})
	}
}

// sessions are those of people who come with a token of a pool, of a provider, or with an assertion.
func (e *estate) sessions(t *testing.T) {
	e.isCaller(t, arns+"root")
	pool := createPool(t, e.node, &cognitoidentity.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("guests"), AllowUnauthenticatedIdentities: true, AllowClassicFlow: aws.Bool(true),
	})
	createRole(t, e.node, guestRole, trustPolicy(pool, "unauthenticated"))
	web := e.call(t, "sts", "AssumeRoleWithWebIdentity", input{
		"RoleArn": roleARN(guestRole), "RoleSessionName": "guest", "WebIdentityToken": getToken(t, e.node, getID(t, e.node, pool, nil), nil),
	})
	e.as(web, "Credentials").isCaller(t, "arn:aws:sts::"+account+":assumed-role/"+guestRole+"/guest")
	e.samlSession(t)
	e.foreignSession(t)
	e.deleteRoles(t, guestRole)
	if _, err := e.identities().DeleteIdentityPool(t.Context(), &cognitoidentity.DeleteIdentityPoolInput{IdentityPoolId: &pool}); err != nil {
		t.Error(err)
	}
}

func (e *estate) samlSession(t *testing.T) {
	corp := startSAMLIDP(t)
	registerSAML(t, e.node, corp)
	createRole(t, e.node, editor, federatedTrust(corp.arn(), "sts:AssumeRoleWithSAML"))
	saml := e.call(t, "sts", "AssumeRoleWithSAML", input{
		"RoleArn": roleARN(editor), "PrincipalArn": corp.arn(), "SAMLAssertion": corp.signIn(t, "alice"),
	})
	saml.shows(t, "Subject", "alice", "SubjectType", "persistent")
	e.as(saml, "Credentials").isCaller(t, "arn:aws:sts::"+account+":assumed-role/"+editor+"/user")
	e.deleteRoles(t, editor)
	e.iamCall(t, "DeleteSAMLProvider", input{"SAMLProviderArn": corp.arn()})
}

func (e *estate) foreignSession(t *testing.T) {
	p := startOIDCProvider(t)
	arn := register(t, e.node, p)
	createRole(t, e.node, signedInRole, federatedTrust(arn, "sts:AssumeRoleWithWebIdentity"))
	foreign := e.call(t, "sts", "AssumeRoleWithWebIdentity", input{
		"RoleArn": roleARN(signedInRole), "RoleSessionName": "alice", "WebIdentityToken": p.signIn(t, appClient, p.user),
	})
	foreign.shows(t, "Provider", arn, "Audience", appClient, "SubjectFromWebIdentityToken", p.subject)
	e.as(foreign, "Credentials").isCaller(t, "arn:aws:sts::"+account+":assumed-role/"+signedInRole+"/alice")
	e.deleteRoles(t, signedInRole)
	e.iamCall(t, "DeleteOpenIDConnectProvider", input{"OpenIDConnectProviderArn": arn})
}

// federatedTrust lets whom a provider vouches for take a role.
func federatedTrust(provider, action string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"` + provider + `"},"Action":"` + action + `"}}`
}
