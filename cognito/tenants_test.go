package cognito_test

import (
	"net/http"
	"strings"
	"testing"

	"idpool/cognito"
	"idpool/pooltest"
	"idpool/wire"
)

// signedCalls are a call of every signed operation on a pool in us-east-1, or on an identity of it.
func signedCalls(pool, id string) map[string]pooltest.Object {
	const developer, provider = "login.example", "login.example.com"
	arn := "arn:aws:cognito-identity:us-east-1:" + pooltest.Account + ":identitypool/" + pool
	return map[string]pooltest.Object{
		"CreateIdentityPool":                 {"IdentityPoolName": "p", "AllowUnauthenticatedIdentities": true},
		"DeleteIdentities":                   {"IdentityIdsToDelete": []string{id}},
		"DeleteIdentityPool":                 {"IdentityPoolId": pool},
		"DescribeIdentity":                   {"IdentityId": id},
		"DescribeIdentityPool":               {"IdentityPoolId": pool},
		"GetIdentityPoolRoles":               {"IdentityPoolId": pool},
		"GetOpenIdTokenForDeveloperIdentity": {"IdentityPoolId": pool, "IdentityId": id, "Logins": pooltest.Object{developer: "alice"}},
		"GetPrincipalTagAttributeMap":        {"IdentityPoolId": pool, "IdentityProviderName": provider},
		"ListIdentities":                     {"IdentityPoolId": pool, "MaxResults": 60},
		"ListIdentityPools":                  {"MaxResults": 60},
		"ListTagsForResource":                {"ResourceArn": arn},
		"LookupDeveloperIdentity":            {"IdentityPoolId": pool, "IdentityId": id},
		"MergeDeveloperIdentities":           {"IdentityPoolId": pool, "DeveloperProviderName": developer, "SourceUserIdentifier": "alice", "DestinationUserIdentifier": "bob"},
		"SetIdentityPoolRoles":               {"IdentityPoolId": pool, "Roles": pooltest.Object{}},
		"SetPrincipalTagAttributeMap":        {"IdentityPoolId": pool, "IdentityProviderName": provider, "UseDefaults": true},
		"TagResource":                        {"ResourceArn": arn, "Tags": pooltest.Object{"team": "ops"}},
		"UnlinkDeveloperIdentity":            {"IdentityPoolId": pool, "IdentityId": id, "DeveloperProviderName": developer, "DeveloperUserIdentifier": "alice"},
		"UntagResource":                      {"ResourceArn": arn, "TagKeys": []string{"team"}},
		"UpdateIdentityPool":                 {"IdentityPoolId": pool, "IdentityPoolName": "p", "AllowUnauthenticatedIdentities": true},
	}
}

// signedOperations are the names of all operations that must be signed; each has a call in signedCalls.
func signedOperations(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, op := range (&cognito.Service{}).Operations() {
		if !op.Signed {
			continue
		}
		if _, ok := signedCalls("", "")[op.Name]; !ok {
			t.Fatalf("the test knows no good call of %s", op.Name)
		}
		names = append(names, op.Name)
	}
	return names
}

// To whom a pool does not belong, it does not exist: every signed operation answers its id, and that of an identity of it,
// byte for byte as one that nobody has ever given out.
func TestOtherTenants(t *testing.T) {
	f := start(t)
	id := f.getID(t, nil)
	root, another := session{key: f.Root}, session{key: f.NewAccount(t, other)}
	all, theirs := session{key: f.User(t, "all", pooltest.AdministratorPolicy)}, session{key: f.UserOf(t, another.key, "all", pooltest.AdministratorPolicy)}
	const nobody = "us-east-1:00000000-0000-4000-8000-000000000000"
	elsewhere := func(full, region string) string {
		_, uuid, _ := strings.Cut(full, ":")
		return region + ":" + uuid
	}
	state := func() string {
		var b strings.Builder
		for _, op := range []string{"DescribeIdentityPool", "GetIdentityPoolRoles", "ListIdentities", "ListTagsForResource"} {
			b.Write(f.Signed(t, op, signedCalls(f.pool, id)[op]).Must(t).Body)
		}
		return b.String()
	}
	before := state()
	for _, who := range []struct {
		name     string
		signer   session
		region   string
		pool, id string
	}{
		{"another account", another, "us-east-1", f.pool, id},
		{"another account, signed for another region", another, "eu-west-1", f.pool, id},
		{"another account's user who may everything", theirs, "us-east-1", f.pool, id},
		{"a user who may everything, in another region", all, "eu-west-1", f.pool, id},
		{"another region", root, "eu-west-1", f.pool, id},
		{"another region, said in the id as well", root, "eu-west-1", elsewhere(f.pool, "eu-west-1"), elsewhere(id, "eu-west-1")},
		{"another region, said in the id alone", root, "us-east-1", elsewhere(f.pool, "eu-west-1"), elsewhere(id, "eu-west-1")},
		{"the pool's id for an identity's, and the other way round", root, "us-east-1", id, f.pool},
	} {
		for _, op := range signedOperations(t) {
			if op == "CreateIdentityPool" || op == "ListIdentityPools" {
				continue // which name no pool
			}
			t.Run(who.name+"/"+op, func(t *testing.T) {
				want := f.signedBy(t, root, "us-east-1", op, signedCalls(nobody, nobody)[op])
				got := f.signedBy(t, who.signer, who.region, op, signedCalls(who.pool, who.id)[op])
				unknown := want.Code() == "ResourceNotFoundException"
				if op == "DeleteIdentities" { // which tells it id by id
					unknown = string(want.Must(t).Body) == `{"UnprocessedIdentityIds":[{"IdentityId":"`+nobody+`","ErrorCode":"AccessDenied"}]}`
				}
				if a, b := blank(want, nobody), blank(got, who.pool, who.id); a != b || !unknown {
					t.Errorf("got  %s\nwant %s", b, a)
				}
			})
		}
	}
	for name, r := range map[string]*pooltest.Reply{
		"another account": f.signedBy(t, another, "us-east-1", "ListIdentityPools", signedCalls("", "")["ListIdentityPools"]),
		"another region":  f.signedBy(t, root, "eu-west-1", "ListIdentityPools", signedCalls("", "")["ListIdentityPools"]),
	} {
		if got := string(r.Must(t).Body); got != `{"IdentityPools":[]}` {
			t.Errorf("%s lists %s", name, got)
		}
	}
	if after := state(); after != before {
		t.Errorf("the pool has changed:\nfrom %s\nto   %s", before, after)
	}
}

// To whom an identity does not belong, it does not exist in his own pool either; nor does a pool under an ARN of his own.
func TestOtherTenantsInOwnPool(t *testing.T) {
	f := start(t)
	const nobody = "us-east-1:00000000-0000-4000-8000-000000000000"
	victim, id := f.pool, f.getID(t, nil)
	before := f.list(t)
	another := session{key: f.NewAccount(t, other)}
	in := pooltest.Object{"IdentityPoolName": "p", "AllowUnauthenticatedIdentities": true, "DeveloperProviderName": "login.example"}
	own := f.signedBy(t, another, pooltest.Region, "CreateIdentityPool", in).Must(t).Object(t)["IdentityPoolId"].(string)
	call := func(op, pool, id string) *pooltest.Reply {
		in := signedCalls(pool, id)[op]
		if arn, ok := in["ResourceArn"].(string); ok {
			in["ResourceArn"] = strings.Replace(arn, pooltest.Account, other, 1)
		}
		return f.signedBy(t, another, pooltest.Region, op, in)
	}
	for _, op := range []string{"GetOpenIdTokenForDeveloperIdentity", "LookupDeveloperIdentity", "UnlinkDeveloperIdentity"} {
		want, got := call(op, own, nobody), call(op, own, id)
		if a, b := blank(want, nobody), blank(got, id); a != b || want.Code() != "ResourceNotFoundException" {
			t.Errorf("%s: got  %s\nwant %s", op, b, a)
		}
	}
	for _, op := range []string{"ListTagsForResource", "TagResource", "UntagResource"} {
		call(op, own, "").Must(t)
		want, got := call(op, nobody, ""), call(op, victim, "")
		if a, b := blank(want, nobody), blank(got, victim); a != b || want.Code() != "ResourceNotFoundException" {
			t.Errorf("%s: got  %s\nwant %s", op, b, a)
		}
	}
	if after := f.list(t); after != before {
		t.Errorf("the pool has changed:\nfrom %s\nto   %s", before, after)
	}
}

// blank is all of a reply that may tell something, without the ids that were sent.
func blank(r *pooltest.Reply, ids ...string) string {
	text := http.StatusText(r.Status)
	for _, name := range []string{"Content-Type", "X-Amzn-Errortype", "X-Amzn-Errormessage"} {
		text += "\n" + r.Header.Get(name)
	}
	text += "\n" + string(r.Body)
	for _, id := range ids {
		text = strings.ReplaceAll(text, id, "{id}")
	}
	return text
}

// A public operation goes by the region in the id; elsewhere the id is unknown.
func TestPublicRegions(t *testing.T) {
	f := start(t)
	in := pooltest.Object{"IdentityPoolName": "p", "AllowUnauthenticatedIdentities": true}
	f.pool = f.signedBy(t, session{key: f.Root}, "eu-west-1", "CreateIdentityPool", in).Must(t).Object(t)["IdentityPoolId"].(string)
	id := f.getID(t, nil)
	if !strings.HasPrefix(f.pool, "eu-west-1:") || !strings.HasPrefix(id, "eu-west-1:") {
		t.Errorf("pool %s, identity %s", f.pool, id)
	}
	for _, region := range []string{"us-east-1", "eu-west-11", "eu"} {
		pool, unknown := strings.Replace(f.pool, "eu-west-1", region, 1), strings.Replace(id, "eu-west-1", region, 1)
		refusal{"ResourceNotFoundException", "IdentityPool '" + pool + "' not found."}.check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": pool}))
		for _, op := range []string{"GetOpenIdToken", "GetCredentialsForIdentity"} {
			refusal{"ResourceNotFoundException", "Identity '" + unknown + "' not found."}.check(t, f.as(t, op, unknown, nil))
		}
	}
}

// A session's key without its token, or with another's, is no key at all.
func TestSessionWithoutItsToken(t *testing.T) {
	f := start(t)
	s := credentials(t, f.as(t, "GetCredentialsForIdentity", f.getID(t, nil), nil))
	for _, s := range []session{{key: s.key}, {s.key, "token"}, {f.Root, s.token}, {wire.Key{Secret: s.key.Secret}, s.token}} {
		if r := f.signedBy(t, s, pooltest.Region, "ListIdentityPools", pooltest.Object{"MaxResults": 1}); s.key.Caller.AccessKeyID != "" {
			unknownKey.check(t, r)
		} else if r.Status != 400 {
			t.Errorf("no access key id: %d %s", r.Status, r.Body)
		}
	}
}
