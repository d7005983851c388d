package cognito_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"idpool/pooltest"
	"idpool/server"
)

// judged is a caller whose one policy the test sets.
type judged struct {
	session
	put func(policy string)
}

// judges are a node with a tagged user and tagged roles, and whoever is judged by policies there.
type judges struct {
	*front
	id, other string // identities: of the pool and of another
	user      judged
	signedIn  judged // by the classic flow, as alice
	guest     judged // by the classic flow
	tagged    judged // by the classic flow, with session tags
}

func judge(t *testing.T) *judges {
	t.Helper()
	j := &judges{front: start(t, func(c *server.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })}
	first := j.pool
	j.pool = j.create(t, pooltest.Object{"AllowUnauthenticatedIdentities": true})
	j.other, j.pool = j.getID(t, nil), first
	j.id = j.getID(t, j.logins("alice"))
	tag := []string{"Tags.member.1.Key", "team", "Tags.member.1.Value", "ops"}
	arn := resourceOf("", j.pool)
	j.Signed(t, "TagResource", pooltest.Object{"ResourceArn": arn, "Tags": pooltest.Object{"stage": "test"}}).Must(t)
	j.IAM(t, "CreatePolicy", "PolicyName", "M", "PolicyDocument", pooltest.AdministratorPolicy).Must(t)

	onRole := func(role string) func(string) {
		return func(policy string) {
			j.IAM(t, "PutRolePolicy", "RoleName", role, "PolicyName", "P", "PolicyDocument", policy).Must(t)
		}
	}
	j.user = judged{session{key: j.User(t, "U")}, func(policy string) {
		j.IAM(t, "PutUserPolicy", "UserName", "U", "PolicyName", "P", "PolicyDocument", policy).Must(t)
	}}
	j.IAM(t, "TagUser", append([]string{"UserName", "U"}, tag...)...).Must(t)
	j.IAM(t, "TagRole", append([]string{"RoleName", "Auth"}, tag...)...).Must(t)
	j.IAM(t, "CreateRole", "RoleName", "Tagged", "AssumeRolePolicyDocument",
		strings.Replace(pooltest.TrustPolicy(j.pool, "authenticated"), `"sts:AssumeRoleWithWebIdentity"`, `["sts:AssumeRoleWithWebIdentity","sts:TagSession"]`, 1),
		"Tags.member.1.Key", "sub", "Tags.member.1.Value", "nobody").Must(t)
	classic := func(role, id string, logins pooltest.Object) judged {
		who := judged{put: onRole(role)}
		who.key, who.token = j.Assume(t, roleARN(role), id, logins)
		return who
	}
	j.signedIn, j.guest = classic("Auth", j.id, j.logins("alice")), classic("Guest", j.getID(t, nil), nil)
	j.Signed(t, "SetPrincipalTagAttributeMap", pooltest.Object{
		"IdentityPoolId": j.pool, "IdentityProviderName": j.idp.ARN(pooltest.Account), "PrincipalTags": pooltest.Object{"sub": "sub"},
	}).Must(t)
	j.tagged = classic("Tagged", j.id, j.logins("alice"))
	return j
}

// query calls an IAM operation.
func (j *judges) query(action string, params ...string) func(*testing.T, session) *pooltest.Reply {
	return func(t *testing.T, s session) *pooltest.Reply {
		r, body := j.Query(t, "2010-05-08", action, params...)
		return j.Send(t, r, body, s.key, s.token, "iam")
	}
}

// through calls GetRole by way of a proxy that adds a header.
func (j *judges) through(header, value string) func(*testing.T, session) *pooltest.Reply {
	return func(t *testing.T, s session) *pooltest.Reply {
		r, body := j.Query(t, "2010-05-08", "GetRole", "RoleName", "Auth")
		r.Header.Set(header, value)
		return j.Send(t, r, body, s.key, s.token, "iam")
	}
}

// pools calls an operation of the pools.
func (j *judges) pools(operation string, in pooltest.Object) func(*testing.T, session) *pooltest.Reply {
	return func(t *testing.T, s session) *pooltest.Reply { return j.signedBy(t, s, pooltest.Region, operation, in) }
}

func refused(r *pooltest.Reply) bool { return strings.HasPrefix(r.Code(), "AccessDenied") }

// conditioned is a condition that holds, and one that is otherwise the same and does not, with the call that they decide.
type conditioned struct {
	who       *judged
	call      func(*testing.T, session) *pooltest.Reply
	operator  string
	key       string
	yes, no   string
	elsewhere bool // what else the call needs is allowed without a condition
}

func TestConditionKeys(t *testing.T) {
	j := judge(t)
	for _, row := range slices.Concat(j.ofSessions(), j.ofTags(), j.ofCallers(), j.ofRequests(), j.ofRoles()) {
		t.Run(row.key+" is "+row.yes, func(t *testing.T) {
			set := func(value string) {
				more := ""
				if row.elsewhere {
					more = `{"Effect":"Allow","Action":"cognito-identity:*","Resource":"*"},`
				}
				row.who.put(`{"Version":"2012-10-17","Statement":[` + more + `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"` +
					row.operator + `":{"` + row.key + `":"` + value + `"}}}]}`)
			}
			set(row.no)
			if r := row.call(t, row.who.session); !refused(r) {
				t.Errorf("with %s: %d %s", row.no, r.Status, r.Body)
			}
			set(row.yes)
			row.call(t, row.who.session).Must(t)
		})
	}
}

// describePool and getRole are calls that anything may decide.
func (j *judges) describePool() func(*testing.T, session) *pooltest.Reply {
	return j.pools("DescribeIdentityPool", pooltest.Object{"IdentityPoolId": j.pool})
}

func (j *judges) getRole() func(*testing.T, session) *pooltest.Reply {
	return j.query("GetRole", "RoleName", "Auth")
}

// ofSessions are the keys that speak of an identity and its pool.
func (j *judges) ofSessions() []conditioned {
	pool, other := resourceOf("", j.pool), "arn:aws:cognito-identity:us-east-1:123456789012:identitypool/us-east-1:other"
	describe := j.describePool()
	return []conditioned{
		{who: &j.user, call: j.pools("DescribeIdentity", pooltest.Object{"IdentityId": j.id}), operator: "ArnEquals", key: "cognito-identity:IdentityPoolArn", yes: pool, no: other},
		{who: &j.signedIn, call: describe, operator: "ArnEquals", key: "cognito-identity-auth:IdentityPoolArn", yes: pool, no: other},
		{who: &j.signedIn, call: describe, operator: "StringEquals", key: "cognito-identity-auth:AccountId", yes: pooltest.Account, no: "999999999999"},
		{who: &j.signedIn, call: describe, operator: "Null", key: "cognito-identity-unauth:AccountId", yes: "true", no: "false"},
		{who: &j.guest, call: describe, operator: "ArnEquals", key: "cognito-identity-unauth:IdentityPoolArn", yes: pool, no: other},
		{who: &j.guest, call: describe, operator: "StringEquals", key: "cognito-identity-unauth:AccountId", yes: pooltest.Account, no: "999999999999"},
		{who: &j.guest, call: describe, operator: "Null", key: "cognito-identity-auth:IdentityPoolArn", yes: "true", no: "false"},
		{who: &j.signedIn, call: describe, operator: "StringEquals", key: "cognito-identity.amazonaws.com:sub", yes: j.id, no: j.other},
		{who: &j.signedIn, call: describe, operator: "StringEquals", key: "cognito-identity.amazonaws.com:aud", yes: j.pool, no: j.id},
		{who: &j.guest, call: describe, operator: "ForAnyValue:StringLike", key: "cognito-identity.amazonaws.com:amr", yes: "unauthenticated", no: "authenticated"},
		{who: &j.guest, call: describe, operator: "StringEquals", key: "aws:FederatedProvider", yes: "cognito-identity.amazonaws.com", no: "accounts.google.com"},
	}
}

// ofTags are those of tags that resources have, or calls bring.
func (j *judges) ofTags() []conditioned {
	pool := resourceOf("", j.pool)
	describe := j.describePool()
	getRole := j.getRole()
	tag := j.pools("TagResource", pooltest.Object{"ResourceArn": pool, "Tags": pooltest.Object{"stage": "test"}})
	untag := j.pools("UntagResource", pooltest.Object{"ResourceArn": pool, "TagKeys": []string{"stages"}})
	tagRole := j.query("TagRole", "RoleName", "Auth", "Tags.member.1.Key", "k", "Tags.member.1.Value", "v")
	return []conditioned{
		{who: &j.user, call: describe, operator: "StringEquals", key: "aws:ResourceTag/stage", yes: "test", no: "live"},
		{who: &j.user, call: tag, operator: "StringEquals", key: "aws:RequestTag/stage", yes: "test", no: "live"},
		{who: &j.user, call: tag, operator: "ForAllValues:StringEquals", key: "aws:TagKeys", yes: "stage", no: "team"},
		{who: &j.user, call: untag, operator: "ForAllValues:StringEquals", key: "aws:TagKeys", yes: "stages", no: "stage"},
		{who: &j.user, call: getRole, operator: "StringEquals", key: "aws:ResourceTag/team", yes: "ops", no: "dev"},
		{who: &j.user, call: getRole, operator: "StringEquals", key: "iam:ResourceTag/team", yes: "ops", no: "dev"},
		{who: &j.user, call: tagRole, operator: "StringEquals", key: "aws:RequestTag/k", yes: "v", no: "w"},
		{who: &j.user, call: tagRole, operator: "ForAllValues:StringEquals", key: "aws:TagKeys", yes: "k", no: "l"},
	}
}

// ofCallers are those that say who calls.
func (j *judges) ofCallers() []conditioned {
	getRole := j.getRole()
	return []conditioned{
		{who: &j.user, call: getRole, operator: "StringEquals", key: "aws:PrincipalTag/team", yes: "ops", no: "dev"},
		{who: &j.signedIn, call: getRole, operator: "StringEquals", key: "aws:PrincipalTag/team", yes: "ops", no: "dev"},
		{who: &j.tagged, call: getRole, operator: "StringEquals", key: "aws:PrincipalTag/sub", yes: "alice", no: "nobody"},
		{who: &j.user, call: getRole, operator: "ArnEquals", key: "aws:PrincipalArn", yes: userARN("U"), no: userARN("V")},
		{who: &j.signedIn, call: getRole, operator: "ArnEquals", key: "aws:PrincipalArn", yes: roleARN("Auth"), no: roleARN("Guest")},
		{who: &j.user, call: getRole, operator: "StringEquals", key: "aws:PrincipalAccount", yes: pooltest.Account, no: "999999999999"},
		{who: &j.user, call: getRole, operator: "StringEquals", key: "aws:PrincipalType", yes: "User", no: "AssumedRole"},
		{who: &j.guest, call: getRole, operator: "StringEquals", key: "aws:PrincipalType", yes: "AssumedRole", no: "User"},
		{who: &j.user, call: getRole, operator: "StringEquals", key: "aws:username", yes: "U", no: "V"},
		{who: &j.guest, call: getRole, operator: "StringLike", key: "aws:userid", yes: "AROA*:web", no: "AIDA*"},
	}
}

// ofRequests are those that say how, when and from where.
func (j *judges) ofRequests() []conditioned {
	describe := j.describePool()
	getRole := j.getRole()
	at := func(d time.Duration) string { return j.Clock.Now().Add(d).UTC().Format(time.RFC3339) }
	return []conditioned{
		{who: &j.user, call: getRole, operator: "IpAddress", key: "aws:SourceIp", yes: "127.0.0.0/8", no: "198.51.100.0/24"},
		{who: &j.user, call: j.through("X-Forwarded-For", "192.0.2.1, 198.51.100.7"), operator: "IpAddress", key: "aws:SourceIp", yes: "198.51.100.0/24", no: "192.0.2.0/24"},
		{who: &j.user, call: getRole, operator: "Bool", key: "aws:SecureTransport", yes: "false", no: "true"},
		{who: &j.user, call: j.through("X-Forwarded-Proto", "https"), operator: "Bool", key: "aws:SecureTransport", yes: "true", no: "false"},
		{who: &j.user, call: j.through("User-Agent", "curl/8"), operator: "StringLike", key: "aws:UserAgent", yes: "curl/*", no: "Mozilla*"},
		{who: &j.user, call: getRole, operator: "DateLessThan", key: "aws:CurrentTime", yes: at(time.Second), no: at(0)},
		{who: &j.user, call: getRole, operator: "NumericGreaterThan", key: "aws:EpochTime", yes: "1000000000", no: "100000000000"},
		{who: &j.user, call: describe, operator: "StringEquals", key: "aws:RequestedRegion", yes: "us-east-1", no: "eu-west-1"},
		{who: &j.guest, call: getRole, operator: "DateGreaterThan", key: "aws:TokenIssueTime", yes: at(-time.Second), no: at(0)},
		{who: &j.user, call: getRole, operator: "Null", key: "aws:TokenIssueTime", yes: "true", no: "false"},
	}
}

// ofRoles are those of roles, policies and boundaries that are handed on.
func (j *judges) ofRoles() []conditioned {
	attach := j.query("AttachRolePolicy", "RoleName", "Auth", "PolicyArn", "arn:aws:iam::aws:policy/AmazonCognitoReadOnly")
	bound := j.query("CreateUser", "UserName", "V", "PermissionsBoundary", "arn:aws:iam::123456789012:policy/M")
	setRoles := j.pools("SetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": j.pool, "Roles": pooltest.Object{
		"authenticated": roleARN("Auth"), "unauthenticated": roleARN("Guest"),
	}})
	return []conditioned{
		{who: &j.user, call: setRoles, operator: "StringEquals", key: "iam:PassedToService", yes: "cognito-identity.amazonaws.com", no: "ec2.amazonaws.com", elsewhere: true},
		{who: &j.user, call: attach, operator: "ArnEquals", key: "iam:PolicyARN", yes: "arn:aws:iam::aws:policy/AmazonCognitoReadOnly", no: "arn:aws:iam::aws:policy/AdministratorAccess"},
		{who: &j.user, call: bound, operator: "ArnEquals", key: "iam:PermissionsBoundary", yes: "arn:aws:iam::123456789012:policy/M", no: "arn:aws:iam::123456789012:policy/N"},
	}
}

// Variables stand for who calls, in resources as in conditions.
func TestPolicyVariables(t *testing.T) {
	j := judge(t)
	j.User(t, "Other")
	own := func(resource string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"` + resource + `"}]}`
	}
	j.user.put(own("arn:aws:iam::*:user/${aws:username}"))
	j.query("ListAccessKeys", "UserName", "U")(t, j.user.session).Must(t)
	j.query("ListAccessKeys")(t, j.user.session).Must(t)
	if r := j.query("ListAccessKeys", "UserName", "Other")(t, j.user.session); !refused(r) {
		t.Errorf("another user's keys: %s", r.Body)
	}
	name := strings.Replace(j.id, ":", "-", 1) // a colon may stand in no name
	j.IAM(t, "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", pooltest.TrustPolicy(j.pool, "authenticated"),
		"Tags.member.1.Key", "owner", "Tags.member.1.Value", j.id).Must(t)
	j.signedIn.put(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetRole","Resource":"*",` +
		`"Condition":{"StringEquals":{"aws:ResourceTag/owner":"${cognito-identity.amazonaws.com:sub}"}}}]}`)
	j.query("GetRole", "RoleName", name)(t, j.signedIn.session).Must(t)
	if r := j.query("GetRole", "RoleName", "Auth")(t, j.signedIn.session); !refused(r) {
		t.Errorf("a role that is not the identity's: %s", r.Body)
	}
	// The log says why, and not who: a guest's id is its only secret.
	if log := j.Log.String(); !strings.Contains(log, "(the identity)") || strings.Contains(log, j.id) {
		t.Errorf("the log does not say what the policy wanted, or says whose: %s", log)
	}
}

// DeleteIdentities deletes those that the caller may delete, and tells the others as AccessDenied; a caller who may delete
// none is refused.
func TestDeleteIdentitiesOfOnePool(t *testing.T) {
	j := judge(t)
	j.user.put(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cognito-identity:DeleteIdentities","Resource":"*",` +
		`"Condition":{"ArnEquals":{"cognito-identity:IdentityPoolArn":"` + resourceOf("", j.pool) + `"}}}]}`)
	del := func(ids ...string) *pooltest.Reply {
		return j.pools("DeleteIdentities", pooltest.Object{"IdentityIdsToDelete": ids})(t, j.user.session)
	}
	const nobody = "us-east-1:00000000-0000-4000-8000-000000000000"
	resource := resourceOf("DeleteIdentities", "")
	for _, id := range []string{j.other, nobody} {
		notAllowed(userARN("U"), "DeleteIdentities", resource, noPolicyAllows("DeleteIdentities")).check(t, del(id))
	}
	want := `{"UnprocessedIdentityIds":[{"IdentityId":"` + j.other + `","ErrorCode":"AccessDenied"}]}`
	if got := string(del(j.other, j.id).Must(t).Body); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	j.describe(t, j.other)
	if r := j.Signed(t, "DescribeIdentity", pooltest.Object{"IdentityId": j.id}); r.Code() != "ResourceNotFoundException" {
		t.Errorf("the identity that he may delete: %s", r.Body)
	}
}

// SetIdentityPoolRoles needs iam:PassRole for each role that it names, in rules too.
func TestPassRole(t *testing.T) {
	j := judge(t)
	pass := func(roles ...string) {
		var arns []string
		for _, role := range roles {
			arns = append(arns, `"`+roleARN(role)+`"`)
		}
		j.user.put(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"cognito-identity:*","Resource":"*"},` +
			`{"Effect":"Allow","Action":"iam:PassRole","Resource":[` + strings.Join(arns, ",") + `]}]}`)
	}
	set := j.pools("SetIdentityPoolRoles", pooltest.Object{
		"IdentityPoolId": j.pool, "Roles": pooltest.Object{"authenticated": roleARN("Auth"), "unauthenticated": roleARN("Guest")},
		"RoleMappings": pooltest.Object{j.idp.ARN(pooltest.Account): pooltest.Object{
			"Type": "Rules", "AmbiguousRoleResolution": "Deny", "RulesConfiguration": pooltest.Object{"Rules": []pooltest.Object{
				{"Claim": "sub", "MatchType": "Equals", "Value": "alice", "RoleARN": roleARN("Tagged")},
			}},
		}},
	})
	for missing, roles := range map[string][]string{"Auth": {"Guest", "Tagged"}, "Guest": {"Auth", "Tagged"}, "Tagged": {"Auth", "Guest"}} {
		pass(roles...)
		refusal{"AccessDeniedException", "User: " + userARN("U") + " is not authorized to perform: iam:PassRole on resource: " + roleARN(missing) +
			" because no identity-based policy allows the iam:PassRole action"}.check(t, set(t, j.user.session))
	}
	if after := j.Signed(t, "GetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": j.pool}).Must(t); strings.Contains(string(after.Body), "RoleMappings\":{\"") {
		t.Errorf("the roles are set: %s", after.Body)
	}
	pass("Auth", "Guest", "Tagged")
	set(t, j.user.session).Must(t)
}

// To make a pool with tags, or to change them, needs TagResource as well, and UntagResource where some go.
func TestTagsNeedTagResource(t *testing.T) {
	j := judge(t)
	create := pooltest.Object{"IdentityPoolName": "p", "AllowUnauthenticatedIdentities": false, "IdentityPoolTags": pooltest.Object{"k": "v"}}
	update := pooltest.Object{"IdentityPoolId": j.pool, "IdentityPoolName": "p", "AllowUnauthenticatedIdentities": true, "IdentityPoolTags": pooltest.Object{"k": "v"}}
	only := func(actions string) {
		j.user.put(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` + actions + `],"Resource":"*"}]}`)
	}
	const both = `"cognito-identity:CreateIdentityPool","cognito-identity:UpdateIdentityPool"`
	only(both)
	tagged := func(pool string) refusal {
		return notAllowed(userARN("U"), "TagResource", resourceOf("", pool), noPolicyAllows("TagResource"))
	}
	tagged("*").check(t, j.pools("CreateIdentityPool", create)(t, j.user.session))
	tagged(j.pool).check(t, j.pools("UpdateIdentityPool", update)(t, j.user.session))
	delete(create, "IdentityPoolTags")
	j.pools("CreateIdentityPool", create)(t, j.user.session).Must(t)
	only(both + `,"cognito-identity:TagResource"`)
	j.pools("CreateIdentityPool", create)(t, j.user.session).Must(t)
	untagged := notAllowed(userARN("U"), "UntagResource", resourceOf("", j.pool), noPolicyAllows("UntagResource"))
	untagged.check(t, j.pools("UpdateIdentityPool", update)(t, j.user.session)) // {stage: test} would go
	update["IdentityPoolTags"] = pooltest.Object{}
	untagged.check(t, j.pools("UpdateIdentityPool", update)(t, j.user.session))
	delete(update, "IdentityPoolTags")
	j.pools("UpdateIdentityPool", update)(t, j.user.session).Must(t)
	update["IdentityPoolTags"] = pooltest.Object{"k": "v"}
	only(both + `,"cognito-identity:TagResource","cognito-identity:UntagResource"`)
	j.pools("UpdateIdentityPool", update)(t, j.user.session).Must(t)
}
