package server_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"idpool/internal/pgtest"
	"idpool/pooltest"
	"idpool/server"
	"idpool/wire"
)

// given are temporary credentials.
type given struct {
	key   wire.Key
	token string
}

func givenBy(credentials pooltest.Object) given {
	key := wire.Key{Secret: credentials["SecretKey"].(string), Caller: wire.Caller{AccessKeyID: credentials["AccessKeyId"].(string)}}
	return given{key, credentials["SessionToken"].(string)}
}

// person is somebody who signs in to a pool, by either flow.
type person struct {
	pool, id string
	in       pooltest.Object // of GetCredentialsForIdentity and GetOpenIdToken
	role     string
}

func (p *person) enhanced(t *testing.T, n *pooltest.Node) given {
	t.Helper()
	return givenBy(n.Public(t, "GetCredentialsForIdentity", p.in).Must(t).Object(t)["Credentials"].(pooltest.Object))
}

func (p *person) token(t *testing.T, n *pooltest.Node) string {
	t.Helper()
	return n.Public(t, "GetOpenIdToken", p.in).Must(t).Object(t)["Token"].(string)
}

func (p *person) assume(t *testing.T, n *pooltest.Node, token string) *pooltest.Reply {
	t.Helper()
	return n.STS(t, wire.Key{}, "", "AssumeRoleWithWebIdentity", "RoleArn", "arn:aws:iam::"+pooltest.Account+":role/"+p.role,
		"RoleSessionName", "web", "WebIdentityToken", token)
}

func (p *person) classic(t *testing.T, n *pooltest.Node) given {
	t.Helper()
	r := p.assume(t, n, p.token(t, n)).Must(t)
	key := wire.Key{Secret: r.Element("SecretAccessKey"), Caller: wire.Caller{AccessKeyID: r.Element("AccessKeyId")}}
	return given{key, r.Element("SessionToken")}
}

func meet(t *testing.T, n *pooltest.Node, pool, role string, logins pooltest.Object) *person {
	t.Helper()
	in := pooltest.Object{"IdentityPoolId": pool}
	if logins != nil {
		in["Logins"] = logins
	}
	p := &person{pool: pool, role: role, id: n.Public(t, "GetId", in).Must(t).Object(t)["IdentityId"].(string)}
	p.in = pooltest.Object{"IdentityId": p.id}
	if logins != nil {
		p.in["Logins"] = logins
	}
	return p
}

// TestRevokeSessions revokes on one node what another has given out, on both databases: what was given before is over with
// the next call, and what is given after is good.
func TestRevokeSessions(t *testing.T) {
	start := func(database string) *pooltest.Node {
		return pooltest.Start(t, func(c *server.Config) {
			if c.SigningAlgorithm = "ES256"; database != "" {
				c.Database, c.IssuerURL = database, "http://127.0.0.1:1" // theirs together
			}
		})
	}
	t.Run("postgres", func(t *testing.T) {
		database := pgtest.Start(t)(t)
		testRevocations(t, start(database), start(database))
	})
	t.Run("sqlite", func(t *testing.T) {
		n := start("")
		testRevocations(t, n, n)
	})
}

func testRevocations(t *testing.T, one, two *pooltest.Node) {
	idp := pooltest.NewProvider(t)
	pool := one.Pool(t, idp)
	alice := meet(t, one, pool, "Auth", pooltest.Object{idp.Name(): idp.Token("app", "alice")})
	guest := meet(t, one, pool, "Guest", nil)
	for _, row := range []struct {
		name       string
		revoke     pooltest.Object
		ends       []*person
		goesOn     []*person
		tokensGoOn bool // a role's sessions end, and not what tokens are good for
	}{
		{name: "role", revoke: pooltest.Object{"RoleName": "auth"}, ends: []*person{alice}, goesOn: []*person{guest}, tokensGoOn: true},
		{name: "identity", revoke: pooltest.Object{"IdentityId": guest.id}, ends: []*person{guest}, goesOn: []*person{alice}},
		{name: "identity again", revoke: pooltest.Object{"IdentityId": alice.id}, ends: []*person{alice}, goesOn: []*person{guest}},
		{name: "pool", revoke: pooltest.Object{"IdentityPoolId": pool}, ends: []*person{alice, guest}},
	} {
		t.Run(row.name, func(t *testing.T) {
			type held struct {
				person *person
				keys   []given
				token  string
				ends   bool
			}
			var all []held
			for _, p := range append(append([]*person{}, row.ends...), row.goesOn...) {
				h := held{person: p, keys: []given{p.enhanced(t, two), p.classic(t, two)}, token: p.token(t, two), ends: len(all) < len(row.ends)}
				for _, k := range h.keys {
					two.STS(t, k.key, k.token, "GetCallerIdentity").Must(t)
				}
				all = append(all, h)
			}
			one.Admin(t, "RevokeSessions", row.revoke).Must(t)
			for _, h := range all {
				for i, k := range h.keys {
					r := two.STS(t, k.key, k.token, "GetCallerIdentity")
					if over := r.Code() == "InvalidClientTokenId"; over != h.ends || !over && r.Status != http.StatusOK {
						t.Errorf("%s, flow %d: %d %s", h.person.role, i, r.Status, r.Body)
					}
				}
				r := h.person.assume(t, two, h.token)
				if good := r.Status == http.StatusOK; good == (h.ends && !row.tokensGoOn) {
					t.Errorf("%s, a token from before: %d %s", h.person.role, r.Status, r.Body)
				}
				for _, k := range []given{h.person.enhanced(t, two), h.person.classic(t, one)} {
					one.STS(t, k.key, k.token, "GetCallerIdentity").Must(t)
					two.STS(t, k.key, k.token, "GetCallerIdentity").Must(t)
				}
			}
		})
	}
}

// A token that a backend has fetched for its user buys nothing any more, either, and the next one does: also where the backend
// names no identity.
func TestRevokeDeveloperTokens(t *testing.T) {
	n := pooltest.Start(t, func(c *server.Config) { c.SigningAlgorithm = "ES256" })
	pool := n.Pool(t, pooltest.NewProvider(t))
	n.Signed(t, "UpdateIdentityPool", pooltest.Object{
		"IdentityPoolId": pool, "IdentityPoolName": "p", "AllowUnauthenticatedIdentities": true, "DeveloperProviderName": "login.example",
	}).Must(t)
	fetch := func() (id, token string) {
		o := n.Signed(t, "GetOpenIdTokenForDeveloperIdentity", pooltest.Object{
			"IdentityPoolId": pool, "Logins": pooltest.Object{"login.example": "ann"},
		}).Must(t).Object(t)
		return o["IdentityId"].(string), o["Token"].(string)
	}
	use := func(id, token string) *pooltest.Reply {
		return n.Public(t, "GetCredentialsForIdentity", pooltest.Object{
			"IdentityId": id, "Logins": pooltest.Object{"cognito-identity.amazonaws.com": token},
		})
	}
	id, before := fetch()
	use(id, before).Must(t)
	for _, in := range []pooltest.Object{{"IdentityId": id}, {"IdentityPoolId": pool}} {
		n.Admin(t, "RevokeSessions", in).Must(t)
		if r := use(id, before); r.Code() != "NotAuthorizedException" || r.Message() != "Invalid login token. Token was revoked." {
			t.Errorf("%v: a token from before: %d %s", in, r.Status, r.Body)
		}
		_, before = fetch()
		use(id, before).Must(t)
	}
}

// Who may revoke, and what.
func TestRevokeSessionsRefuses(t *testing.T) {
	n := pooltest.Start(t, func(c *server.Config) { c.SigningAlgorithm = "ES256" })
	pool := n.Pool(t, pooltest.NewProvider(t))
	guest := meet(t, n, pool, "Guest", nil)
	other := n.NewAccount(t, "222222222222")
	user := func(name, policy string) wire.Key {
		n.IAM(t, "CreateUser", "UserName", name).Must(t)
		if policy != "" {
			n.IAM(t, "PutUserPolicy", "UserName", name, "PolicyName", "p", "PolicyDocument", policy).Must(t)
		}
		made := n.IAM(t, "CreateAccessKey", "UserName", name).Must(t)
		return wire.Key{Secret: made.Element("SecretAccessKey"), Caller: wire.Caller{AccessKeyID: made.Element("AccessKeyId")}}
	}
	arn := "arn:aws:cognito-identity:us-east-1:" + pooltest.Account + ":identitypool/" + pool
	nobody := user("nobody", "")
	ofRole := user("ofRole", allow(`"Action":"idpool:RevokeSessions","Resource":"arn:aws:iam::*:role/Guest"`))
	ofPool := user("ofPool", allow(`"Action":"idpool:RevokeSessions","Resource":"`+arn+`"`))
	ofIdentity := user("ofIdentity", allow(`"Action":"idpool:RevokeSessions","Resource":"*","Condition":{"StringEquals":{"cognito-identity:IdentityPoolArn":"`+arn+`"}}`))
	role, identity, whole := pooltest.Object{"RoleName": "Guest"}, pooltest.Object{"IdentityId": guest.id}, pooltest.Object{"IdentityPoolId": pool}
	unknown := strings.Replace(pool, "us-east-1:", "eu-west-1:", 1)
	for _, row := range []struct {
		name string
		key  wire.Key
		in   pooltest.Object
		code string
	}{
		{"nobody, a role", nobody, role, "AccessDenied"},
		{"nobody, an identity", nobody, identity, "AccessDenied"},
		{"nobody, a pool", nobody, whole, "AccessDenied"},
		{"nobody, nothing", nobody, pooltest.Object{}, "AccessDenied"},
		{"the role's, the role", ofRole, role, ""},
		{"the role's, another role", ofRole, pooltest.Object{"RoleName": "Auth"}, "AccessDenied"},
		{"the role's, the pool", ofRole, whole, "AccessDenied"},
		{"the pool's, the pool", ofPool, whole, ""},
		{"the pool's, the role", ofPool, role, "AccessDenied"},
		{"the identity's, the identity", ofIdentity, identity, ""},
		{"the identity's, an unknown one", ofIdentity, pooltest.Object{"IdentityId": pool}, "AccessDenied"},
		{"another account's root, the role", other, role, "ResourceNotFoundException"},
		{"another account's root, the identity", other, identity, "ResourceNotFoundException"},
		{"another account's root, the pool", other, whole, "ResourceNotFoundException"},
		{"another region", n.Root, pooltest.Object{"IdentityPoolId": unknown}, "ResourceNotFoundException"},
		{"no such identity", n.Root, pooltest.Object{"IdentityId": pool}, "ResourceNotFoundException"},
		{"no such role", n.Root, pooltest.Object{"RoleName": "Nobody"}, "ResourceNotFoundException"},
		{"nothing", n.Root, pooltest.Object{}, "InvalidParameterException"},
		{"two", n.Root, pooltest.Object{"RoleName": "Guest", "IdentityPoolId": pool}, "InvalidParameterException"},
	} {
		if r := n.AdminAs(t, row.key, "", "RevokeSessions", row.in); r.Code() != row.code {
			t.Errorf("%s: %d %s, not %q", row.name, r.Status, r.Body, row.code)
		}
	}
}

func allow(rest string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + rest + `}]}`
}

// The inline policy by which AWS's console revokes: whoever has older credentials of the role may nothing.
func TestRevokeOlderSessionsByPolicy(t *testing.T) {
	n := pooltest.Start(t, func(c *server.Config) { c.SigningAlgorithm = "ES256" })
	idp := pooltest.NewProvider(t)
	idp.Now = n.Clock.Now
	alice := meet(t, n, n.Pool(t, idp), "Auth", pooltest.Object{idp.Name(): idp.Token("app", "alice")})
	n.IAM(t, "PutRolePolicy", "RoleName", "Auth", "PolicyName", "work", "PolicyDocument", allow(`"Action":"iam:GetRole","Resource":"*"`)).Must(t)
	getRole := func(g given) *pooltest.Reply {
		r, body := n.Query(t, "2010-05-08", "GetRole", "RoleName", "Auth")
		return n.Send(t, r, body, g.key, g.token, "iam")
	}
	before := []given{alice.enhanced(t, n), alice.classic(t, n)}
	for _, g := range before {
		getRole(g).Must(t)
	}
	n.Clock.Advance(time.Second)
	n.IAM(t, "PutRolePolicy", "RoleName", "Auth", "PolicyName", "AWSRevokeOlderSessions", "PolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":"`+
			n.Clock.Now().UTC().Format("2006-01-02T15:04:05.000Z")+`"}}}]}`).Must(t)
	for i, g := range before {
		if r := getRole(g); r.Code() != "AccessDenied" || !strings.HasSuffix(r.Message(), "with an explicit deny in an identity-based policy") {
			t.Errorf("flow %d, older credentials: %d %s", i, r.Status, r.Body)
		}
	}
	for _, g := range []given{alice.enhanced(t, n), alice.classic(t, n)} {
		getRole(g).Must(t)
	}
}
