package server_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"idpool/cognito"
	"idpool/iam"
	"idpool/pooltest"
	"idpool/sts"
	"idpool/wire"
)

// secretsRun calls every operation that there is, and keeps every secret that it sent or was sent.
type secretsRun struct {
	*audited
	t       *testing.T
	idp     *pooltest.Provider
	pool    string
	secrets map[string]string // and where they were seen
	called  []string
}

// secretMembers are the members of replies that are secrets, in JSON and in XML.
var secretMembers = regexp.MustCompile(`"(SecretKey|SecretAccessKey|SessionToken|Token)":"([^"]+)"|<(SecretAccessKey|SessionToken)>([^<]+)<`)

// keep takes the secrets out of a reply; of one that a call needs to go on it says whether it was good.
func (s *secretsRun) keep(operation string, r *pooltest.Reply) *pooltest.Reply {
	s.called = append(s.called, operation)
	for _, m := range secretMembers.FindAllStringSubmatch(string(r.Body), -1) {
		s.secrets[m[2]+m[4]] = operation + " answered it"
	}
	return r
}

// logins are a user's, with a token of their own.
func (s *secretsRun) logins(user string) pooltest.Object {
	token := s.idp.Token("app", user)
	s.secrets[token] = "the token of " + user
	return pooltest.Object{s.idp.Name(): token}
}

func (s *secretsRun) id(user string) (string, pooltest.Object) {
	logins := s.logins(user)
	reply := s.Public(s.t, "GetId", pooltest.Object{"IdentityPoolId": s.pool, "Logins": logins})
	return s.keep("GetId", reply).Must(s.t).Object(s.t)["IdentityId"].(string), logins
}

const developer = "login.example"

// identityPools calls the operations of identity pools; each of them succeeds.
func (s *secretsRun) identityPools() {
	alice, logins := s.id("alice")
	gone, goneLogins := s.id("gone")
	const consumer = "the-consumer-secret-of-an-app"
	s.secrets[consumer] = "an app of Twitter's"
	apps := func(spoiled string) pooltest.Object {
		return pooltest.Object{"graph.facebook.com": "7", "api.twitter.com": "consumer-key;" + consumer + spoiled}
	}
	arn := "arn:aws:cognito-identity:us-east-1:" + pooltest.Account + ":identitypool/" + s.pool
	settings := pooltest.Object{
		"IdentityPoolId": s.pool, "IdentityPoolName": "p", "AllowUnauthenticatedIdentities": true, "DeveloperProviderName": developer,
		"OpenIdConnectProviderARNs": []string{s.idp.ARN(pooltest.Account)}, "SupportedLoginProviders": apps(""),
	}
	vouch := func(user string) pooltest.Object {
		return pooltest.Object{"IdentityPoolId": s.pool, "Logins": pooltest.Object{developer: user}, "PrincipalTags": pooltest.Object{"team": "red"}}
	}
	own := pooltest.Object{"IdentityPoolId": s.pool}
	tags := pooltest.Object{"IdentityPoolId": s.pool, "IdentityProviderName": s.idp.ARN(pooltest.Account), "UseDefaults": true}
	merge := pooltest.Object{"IdentityPoolId": s.pool, "DeveloperProviderName": developer, "SourceUserIdentifier": "first", "DestinationUserIdentifier": "second"}
	signed := func(operation string, in pooltest.Object) pooltest.Object {
		reply := s.keep(operation, s.Signed(s.t, operation, in)).Must(s.t)
		if len(reply.Body) == 0 {
			return nil
		}
		return reply.Object(s.t)
	}
	public := func(operation string, in pooltest.Object) pooltest.Object {
		return s.keep(operation, s.Public(s.t, operation, in)).Must(s.t).Object(s.t)
	}
	signed("UpdateIdentityPool", settings)
	settings["SupportedLoginProviders"] = apps(" ") // no app's id has a space
	if r := s.keep("UpdateIdentityPool", s.Signed(s.t, "UpdateIdentityPool", settings)); r.Code() != "ValidationException" {
		s.t.Errorf("UpdateIdentityPool with a bad app: %s", r.Body)
	}
	const login = "the-developer-vouches-for-me" // unlike those below, who are named in other calls, and not as logins
	s.secrets[login] = "a login of the developer"
	for _, user := range []string{login, "first", "second"} {
		signed("GetOpenIdTokenForDeveloperIdentity", vouch(user))
	}
	merged := signed("MergeDeveloperIdentities", merge)["IdentityId"].(string)
	signed("LookupDeveloperIdentity", pooltest.Object{"IdentityPoolId": s.pool, "IdentityId": merged})
	signed("UnlinkDeveloperIdentity", pooltest.Object{
		"IdentityId": merged, "IdentityPoolId": s.pool, "DeveloperProviderName": developer, "DeveloperUserIdentifier": "first",
	})
	credentials := public("GetCredentialsForIdentity", pooltest.Object{"IdentityId": alice, "Logins": logins})["Credentials"].(pooltest.Object)
	s.session(credentials)
	s.webIdentity(public("GetOpenIdToken", pooltest.Object{"IdentityId": alice, "Logins": logins})["Token"].(string))
	signed("SetPrincipalTagAttributeMap", tags)
	signed("GetPrincipalTagAttributeMap", tags)
	signed("TagResource", pooltest.Object{"ResourceArn": arn, "Tags": pooltest.Object{"team": "ops"}})
	signed("ListTagsForResource", pooltest.Object{"ResourceArn": arn})
	signed("UntagResource", pooltest.Object{"ResourceArn": arn, "TagKeys": []string{"team"}})
	signed("DescribeIdentityPool", own)
	signed("DescribeIdentity", pooltest.Object{"IdentityId": alice})
	signed("ListIdentities", pooltest.Object{"IdentityPoolId": s.pool, "MaxResults": 1})
	signed("ListIdentityPools", pooltest.Object{"MaxResults": 1})
	roles := signed("GetIdentityPoolRoles", own)["Roles"]
	signed("SetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": s.pool, "Roles": roles})
	s.keep("UnlinkIdentity", s.Public(s.t, "UnlinkIdentity", pooltest.Object{"IdentityId": gone, "Logins": goneLogins, "LoginsToRemove": []string{s.idp.Name()}})).Must(s.t)
	signed("DeleteIdentities", pooltest.Object{"IdentityIdsToDelete": []string{gone}})
	made := signed("CreateIdentityPool", pooltest.Object{"IdentityPoolName": "new", "AllowUnauthenticatedIdentities": true, "SupportedLoginProviders": apps("")})
	signed("DeleteIdentityPool", pooltest.Object{"IdentityPoolId": made["IdentityPoolId"]})
}

func (s *secretsRun) session(c pooltest.Object) {
	key := wire.Key{Secret: c["SecretKey"].(string), Caller: wire.Caller{AccessKeyID: c["AccessKeyId"].(string)}}
	s.keep("GetCallerIdentity", s.STS(s.t, key, c["SessionToken"].(string), "GetCallerIdentity")).Must(s.t)
}

// webIdentity takes a role, and is refused: with a token that is broken, for a role that is not there.
func (s *secretsRun) webIdentity(token string) {
	broken := token[:len(token)-4] + "AAAA"
	s.secrets[broken] = "a broken token"
	for _, call := range []struct{ role, token string }{{"Auth", token}, {"Nobody", token}, {"Auth", broken}} {
		reply := s.STS(s.t, wire.Key{}, "", "AssumeRoleWithWebIdentity", "RoleArn", "arn:aws:iam::"+pooltest.Account+":role/"+call.role,
			"RoleSessionName", "web", "WebIdentityToken", call.token)
		s.keep("AssumeRoleWithWebIdentity", reply)
		if (reply.Status == http.StatusOK) != (call.role == "Auth" && call.token == token) {
			s.t.Errorf("AssumeRoleWithWebIdentity: %s", reply.Body)
		}
	}
}

// others calls every other operation of a table, in an order in which most succeed, with all parameters that any of them
// takes. So it knows operations that are not made yet.
func (s *secretsRun) others(service *wire.Service, params map[string]string) {
	verbs := []string{"Create", "Add", "Attach", "Put", "Set", "Tag", "Update", "Get", "List", "", "Untag", "Remove", "Detach", "Delete"}
	rank := func(name string) int {
		return slices.IndexFunc(verbs, func(verb string) bool { return verb == "" || strings.HasPrefix(name, verb) })
	}
	// A thing is made before what hangs on it, and goes after it: CreateUser, CreateAccessKey.
	var names []string
	for _, op := range service.Operations {
		if !slices.Contains(s.called, op.Name) {
			names = append(names, op.Name)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(b, a)
	})
	for _, name := range names {
		r, body := s.Query(s.t, service.Version, name, flat(params)...)
		reply := s.keep(name, s.Send(s.t, r, body, s.Root, "", service.Name))
		if reply.Status >= http.StatusInternalServerError {
			s.t.Errorf("%s: %s", name, reply.Body)
		}
		if name == "CreateAccessKey" {
			reply.Must(s.t)
		}
	}
}

func flat(params map[string]string) []string {
	var list []string
	for name, value := range params {
		list = append(list, name, value)
	}
	return list
}

// TestAuditSecrets calls every operation. No event has in it what was secret in a request or a reply, and every call has one.
func TestAuditSecrets(t *testing.T) {
	s := &secretsRun{audited: startAudited(t), t: t, idp: pooltest.NewProvider(t), secrets: map[string]string{}}
	s.idp.Now = s.Clock.Now
	s.pool = s.Pool(t, s.idp)
	s.secrets[s.Root.Secret] = "the root's secret key"
	s.identityPools()
	const privateKey = "a-private-key-that-nobody-else-may-see"
	s.secrets[privateKey] = "AddPrivateKey"
	arn := "arn:aws:iam::" + pooltest.Account
	params := map[string]string{
		"Name": "corp", "SAMLMetadataDocument": pooltest.NewSAMLProvider(t).Metadata(), "SAMLProviderArn": arn + ":saml-provider/corp",
		"Url": "https://idp.example.com", "OpenIDConnectProviderArn": arn + ":oidc-provider/idp.example.com", "ClientID": "app",
		"RoleName": "Worker", "AssumeRolePolicyDocument": pooltest.TrustPolicy(s.pool, "authenticated"), "UserName": "ann",
		"PolicyName": "p", "PolicyArn": arn + ":policy/p",
		"PolicyDocument":    `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`,
		"Tags.member.1.Key": "team", "Tags.member.1.Value": "red", "TagKeys.member.1": "team",
	}
	private := maps.Clone(params)
	private["AddPrivateKey"] = privateKey
	for _, name := range []string{"CreateSAMLProvider", "UpdateSAMLProvider"} {
		s.keep(name, s.IAM(t, name, flat(private)...))
	}
	s.called = slices.DeleteFunc(s.called, func(name string) bool { return strings.HasSuffix(name, "SAMLProvider") })
	s.others((&iam.Service{}).API(), params)
	s.others((&sts.Service{}).API(), params)
	alice, logins := s.id("alice")
	for _, call := range []struct {
		operation string
		in        pooltest.Object
	}{
		{"ExplainCredentials", pooltest.Object{"IdentityId": alice, "Logins": logins}},
		{"ExplainAccess", pooltest.Object{"IdentityId": alice, "Logins": logins, "Action": "s3:GetObject", "Resource": "*"}},
		{"RevokeSessions", pooltest.Object{"IdentityId": alice}},
	} {
		s.keep(call.operation, s.Admin(t, call.operation, call.in)).Must(t)
	}
	made := s.NewAccount(t, "222222222222")
	s.secrets[made.Secret] = "the secret key of another account"
	s.Stop()

	for secret, where := range s.secrets {
		if strings.Contains(s.Log.String(), secret) {
			t.Errorf("%s: %s is in the log", where, secret)
		}
	}
	events := lines(t, s.path)
	seen := map[string]bool{}
	for _, line := range events {
		var e struct{ EventSource, EventName string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		seen[e.EventSource+":"+e.EventName] = true
		for secret, where := range s.secrets {
			if strings.Contains(line, secret) {
				t.Errorf("%s: %s: %s", where, secret, line)
			}
		}
	}
	for source, operations := range map[string][]wire.Operation{
		"cognito-identity.amazonaws.com": (&cognito.Service{}).Operations(), "iam.amazonaws.com": (&iam.Service{}).API().Operations,
		"sts.amazonaws.com": (&sts.Service{}).API().Operations, "idpool": append((&iam.Service{}).AdminAPI().Operations, (&cognito.Service{}).AdminAPI().Operations...),
	} {
		for _, op := range operations {
			if !seen[source+":"+op.Name] {
				t.Errorf("no event of %s", op.Name)
			}
		}
	}
	if len(s.secrets) < 15 {
		t.Errorf("the run has seen %d secrets: %v", len(s.secrets), s.secrets)
	}
}
