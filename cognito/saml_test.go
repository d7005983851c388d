package cognito_test

import (
	"database/sql"
	"encoding/base64"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"idpool/pooltest"
	"idpool/server"
)

// corp is the ARN of the SAML provider of the tests.
const corp = "arn:aws:iam::" + pooltest.Account + ":saml-provider/Corp"

// startWithSAML runs a node whose pool trusts a SAML provider beside the OpenID provider, and has the roles Staff and Admin
// for its users beside Auth.
func startWithSAML(t *testing.T, options ...func(*server.Config)) (*front, *pooltest.SAMLProvider) {
	t.Helper()
	f := start(t, options...)
	idp := pooltest.NewSAMLProvider(t)
	idp.Now = f.Clock.Now
	f.IAM(t, "CreateSAMLProvider", "Name", "Corp", "SAMLMetadataDocument", idp.Metadata()).Must(t)
	f.update(t, f.pool, pooltest.Object{
		"OpenIdConnectProviderARNs": []string{f.idp.ARN(pooltest.Account)}, "SamlProviderARNs": []string{corp},
	})
	trust := strings.ReplaceAll(pooltest.TrustPolicy(f.pool, "authenticated"), `"sts:AssumeRoleWithWebIdentity"`,
		`["sts:AssumeRoleWithWebIdentity","sts:TagSession"]`)
	for _, name := range []string{"Staff", "Admin"} {
		f.IAM(t, "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", trust).Must(t)
	}
	return f, idp
}

// by are the values of the Role attribute that grant roles of a provider.
func by(provider string, roles ...string) []string {
	var values []string
	for _, role := range roles {
		values = append(values, roleARN(role)+","+provider)
	}
	return values
}

// grants is an assertion of a subject that grants roles.
func grants(subject string, roles ...string) pooltest.Assertion {
	return pooltest.Assertion{Subject: subject, Attributes: map[string][]string{pooltest.RoleAttribute: by(corp, roles...)}}
}

func saml(response string) pooltest.Object { return pooltest.Object{corp: response} }

// A person at a SAML provider: the same response goes to GetId and then to GetCredentialsForIdentity, as SDKs do it, and again
// when credentials run out; the next sign-in is the same person.
func TestSAML(t *testing.T) {
	f, idp := startWithSAML(t)
	first := saml(idp.Response(t, grants("alice", "Staff")))
	id := f.getID(t, first)
	for range 2 {
		if got := f.getID(t, first); got != id {
			t.Errorf("identity %s, then %s", id, got)
		}
		if got := f.role(t, f.as(t, "GetCredentialsForIdentity", id, first)); got != "Staff" {
			t.Errorf("role %s", got)
		}
	}
	if got := f.getID(t, saml(idp.Response(t, grants("alice", "Admin")))); got != id {
		t.Errorf("another sign-in is identity %s, not %s", got, id)
	}
	if got := f.getID(t, saml(idp.Response(t, grants("bob", "Staff")))); got == id {
		t.Error("two people have one identity")
	}
	if logins := f.describe(t, id)["Logins"].([]any); len(logins) != 1 || logins[0] != corp {
		t.Errorf("logins %v", logins)
	}
}

// Which role an assertion opens.
func TestSAMLRoles(t *testing.T) {
	f, idp := startWithSAML(t)
	const elsewhere = "arn:aws:iam::" + pooltest.Account + ":saml-provider/Other"
	deny := notAuthorized("The ambiguous role mapping rules for: " + corp + " denied this request.")
	missing := notAuthorized("The login does not grant the role of CustomRoleArn.")
	misconfigured := refusal{"InvalidIdentityPoolConfigurationException", "Invalid identity pool configuration. Check assigned IAM roles for this pool."}
	token := func(ambiguous string) pooltest.Object {
		return pooltest.Object{"Type": "Token", "AmbiguousRoleResolution": ambiguous}
	}
	rules := pooltest.Object{"Type": "Rules", "AmbiguousRoleResolution": "Deny", "RulesConfiguration": pooltest.Object{"Rules": []pooltest.Object{
		{"Claim": "groups", "MatchType": "Contains", "Value": "admins", "RoleARN": roleARN("Admin")},
	}}}
	for _, row := range []struct {
		name    string
		mapping pooltest.Object
		roles   []string // values of the Role attribute
		groups  string
		custom  string
		want    any
	}{
		{"one", nil, by(corp, "Staff"), "", "", "Staff"},
		{"one, asked for", nil, by(corp, "Staff"), "", "Staff", "Staff"},
		{"one, another asked for", nil, by(corp, "Staff"), "", "Admin", missing},
		{"one, written the other way round", nil, []string{corp + "," + roleARN("Staff")}, "", "", "Staff"},
		{"several", nil, by(corp, "Staff", "Admin"), "", "", deny},
		{"several, the second asked for", nil, by(corp, "Staff", "Admin"), "", "Admin", "Admin"},
		{"several, the first asked for", nil, by(corp, "Staff", "Admin"), "", "Staff", "Staff"},
		{"several, the pool's asked for", nil, by(corp, "Staff", "Admin"), "", "Auth", missing},
		{"several, but one is another provider's", nil, append(by(corp, "Staff"), by(elsewhere, "Admin")...), "", "", "Staff"},
		{"another provider's, asked for", nil, append(by(corp, "Staff"), by(elsewhere, "Admin")...), "", "Admin", missing},
		{"none", nil, nil, "", "", "Auth"},
		{"none, one asked for", nil, nil, "", "Staff", missing},
		{"none that is a role", nil, []string{"Staff", roleARN("Staff"), ""}, "", "", "Auth"},
		{"one that does not exist", nil, by(corp, "Nobody"), "", "", misconfigured},
		{"one of another account", nil, []string{"arn:aws:iam::" + other + ":role/Staff," + corp}, "", "", misconfigured},
		{"several, the pool's role then", token("AuthenticatedRole"), by(corp, "Staff", "Admin"), "", "", "Auth"},
		{"several, nothing then", token("Deny"), by(corp, "Staff", "Admin"), "", "", deny},
		{"one, by a mapping", token("Deny"), by(corp, "Staff"), "", "", "Staff"},
		{"none, nothing then", token("Deny"), nil, "", "", deny},
		{"rules", rules, by(corp, "Staff"), "admins", "", "Admin"},
		{"rules, none matches", rules, by(corp, "Staff"), "staff", "", deny},
		{"rules, one asked for", rules, by(corp, "Staff"), "admins", "Staff", refusal{"InvalidParameterException", "CustomRoleArn cannot be used with a role mapping of type Rules."}},
	} {
		t.Run(row.name, func(t *testing.T) {
			mappings := pooltest.Object{}
			if row.mapping != nil {
				mappings[corp] = row.mapping
			}
			f.Signed(t, "SetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": f.pool, "Roles": pooltest.Object{"authenticated": roleARN("Auth")}, "RoleMappings": mappings}).Must(t)
			attributes := map[string][]string{pooltest.RoleAttribute: row.roles, "groups": {"users", row.groups}}
			logins := saml(idp.Response(t, pooltest.Assertion{Subject: "alice", Attributes: attributes}))
			in := pooltest.Object{"IdentityId": f.getID(t, logins), "Logins": logins}
			if row.custom != "" {
				in["CustomRoleArn"] = roleARN(row.custom)
			}
			r := f.Public(t, "GetCredentialsForIdentity", in)
			if want, ok := row.want.(refusal); ok {
				want.check(t, r)
			} else if got := f.role(t, r); got != row.want {
				t.Errorf("role %s, want %s", got, row.want)
			}
		})
	}
}

// With several logins the first that has a mapping or roles of its own decides, in the order of their providers' names.
func TestSAMLRoleBesideAnother(t *testing.T) {
	f, idp := startWithSAML(t)
	name := f.idp.Name() // which comes before arn:...
	for _, row := range []struct {
		name    string
		mapping bool // at the OpenID provider
		custom  string
		want    any
	}{
		{"no mapping", false, "", "Staff"},
		{"no mapping, the role asked for", false, "Staff", "Staff"},
		{"no mapping, another role asked for", false, "Admin", notAuthorized("The login does not grant the role of CustomRoleArn.")},
		{"a mapping at the other", true, "", "Auth"},
	} {
		mappings := pooltest.Object{}
		if row.mapping {
			mappings[f.idp.ARN(pooltest.Account)] = pooltest.Object{"Type": "Token", "AmbiguousRoleResolution": "AuthenticatedRole"}
		}
		f.Signed(t, "SetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": f.pool, "Roles": pooltest.Object{"authenticated": roleARN("Auth")}, "RoleMappings": mappings}).Must(t)
		logins := pooltest.Object{name: f.idp.Token("app", "alice"), corp: idp.Response(t, grants("alice", "Staff"))}
		in := pooltest.Object{"IdentityId": f.getID(t, logins), "Logins": logins}
		if row.custom != "" {
			in["CustomRoleArn"] = roleARN(row.custom)
		}
		r := f.Public(t, "GetCredentialsForIdentity", in)
		if want, ok := row.want.(refusal); ok {
			want.check(t, r)
		} else if got := f.role(t, r); got != row.want {
			t.Errorf("%s: role %s, want %s", row.name, got, row.want)
		}
	}
}

// A binding is kept until nobody takes the assertion any more: three minutes beyond its end. One that lives longer under an
// ID that was used extends it.
func TestSAMLBindingLasts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "idpool.db")
	f, idp := startWithSAML(t, func(c *server.Config) { c.Database = file })
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, lifetime := range []time.Duration{time.Minute, 24 * time.Hour} {
		a := grants("alice", "Staff")
		a.ID, a.Lifetime = "_careless", lifetime
		f.getID(t, saml(idp.Response(t, a)))
		var expires int64
		if err := db.QueryRow("SELECT expires FROM saml_assertions").Scan(&expires); err != nil {
			t.Fatal(err)
		}
		if want := f.Clock.Now().Add(lifetime + 3*time.Minute); expires != want.UnixMilli() {
			t.Errorf("kept until %v, want %v", time.UnixMilli(expires), want)
		}
	}
}

// A pool needs no role of its own for users whose provider grants them roles.
func TestSAMLWithoutPoolRole(t *testing.T) {
	f, idp := startWithSAML(t)
	f.Signed(t, "SetIdentityPoolRoles", pooltest.Object{"IdentityPoolId": f.pool, "Roles": pooltest.Object{}}).Must(t)
	logins := saml(idp.Response(t, grants("alice", "Staff")))
	if got := f.role(t, f.as(t, "GetCredentialsForIdentity", f.getID(t, logins), logins)); got != "Staff" {
		t.Errorf("role %s", got)
	}
}

// Attributes become session tags as the pool's map says; the trust policy sees them.
func TestSAMLTags(t *testing.T) {
	f, idp := startWithSAML(t)
	f.Signed(t, "SetPrincipalTagAttributeMap", pooltest.Object{
		"IdentityPoolId": f.pool, "IdentityProviderName": corp,
		"PrincipalTags": pooltest.Object{"department": pooltest.TagAttribute + "Department", "user": "sub", "for": "aud"},
	}).Must(t)
	trust := strings.NewReplacer(`"sts:AssumeRoleWithWebIdentity"`, `["sts:AssumeRoleWithWebIdentity","sts:TagSession"]`,
		`"StringEquals":{`, `"StringEquals":{"aws:RequestTag/department":"blue","aws:RequestTag/user":"alice","aws:RequestTag/for":"urn:amazon:webservices",`).
		Replace(pooltest.TrustPolicy(f.pool, "authenticated"))
	f.IAM(t, "UpdateAssumeRolePolicy", "RoleName", "Staff", "PolicyDocument", trust).Must(t)
	for _, row := range []struct {
		department []string
		ok         bool
	}{{[]string{"blue"}, true}, {[]string{"red"}, false}, {nil, false}, {[]string{"blue", "red"}, false}} {
		a := grants("alice", "Staff")
		a.Attributes[pooltest.TagAttribute+"Department"] = row.department
		logins := saml(idp.Response(t, a))
		if r := f.as(t, "GetCredentialsForIdentity", f.getID(t, logins), logins); (r.Status == 200) != row.ok {
			t.Errorf("%v: %d %s", row.department, r.Status, r.Body)
		}
	}
}

// What is said of responses that are not taken, and that nothing is stored. provider/saml has the table of attacks.
func TestSAMLRefused(t *testing.T) {
	f, idp := startWithSAML(t)
	stranger := pooltest.NewSAMLProvider(t)
	stranger.Now, stranger.EntityID = f.Clock.Now, idp.EntityID
	good := grants("alice", "Staff")
	document := idp.Document(t, good)
	changed := func(old, new string) string {
		if !strings.Contains(document, old) {
			t.Fatalf("%q is not there", old)
		}
		return base64.StdEncoding.EncodeToString([]byte(strings.Replace(document, old, new, 1)))
	}
	with := func(change func(*pooltest.Assertion)) string {
		a := good
		change(&a)
		return idp.Response(t, a)
	}
	old := idp.Response(t, good)
	idp.Rotate(t)
	f.IAM(t, "UpdateSAMLProvider", "SAMLProviderArn", corp, "SAMLMetadataDocument", idp.Metadata()).Must(t)
	document = idp.Document(t, good)

	f.IAM(t, "CreateSAMLProvider", "Name", "Corp2", "SAMLMetadataDocument", idp.Metadata()).Must(t)
	guest, known := f.getID(t, nil), f.getID(t, f.logins("alice"))
	const notSAML = "Invalid login token. Not a valid SAML response."
	for _, row := range []struct {
		name, key, response, want string
	}{
		{"no base64", corp, "<xml/>", notSAML},
		{"no XML", corp, base64.StdEncoding.EncodeToString([]byte("alice")), notSAML},
		{"an ID token", corp, f.idp.Token("app", "alice"), notSAML},
		{"white space in what was signed", corp, changed("<saml:AttributeStatement>", "<saml:AttributeStatement>"+" "), unverified},
		{"another subject", corp, changed(">alice<", ">mallory<"), unverified},
		{"another role", corp, changed("role/Staff", "role/Admin"), unverified},
		{"no signature", corp, changed(document[strings.Index(document, "<ds:Signature "):strings.Index(document, "<saml:Subject>")], ""), unverified},
		{"a comment in the subject", corp, changed(">alice<", ">ali<!-- -->ce<"), notSAML},
		{"a document type", corp, changed("<samlp:Response ", `<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]><samlp:Response `), notSAML},
		{"another's key", corp, stranger.Response(t, good), unverified},
		{"a key that was replaced", corp, old, unverified},
		{"for another audience", corp, with(func(a *pooltest.Assertion) { a.Audience = "urn:other" }), unsupported},
		{"for another place", corp, with(func(a *pooltest.Assertion) { a.Recipient = "https://other.example/saml" }), unsupported},
		{"under the name of a provider that the pool does not trust", corp + "x", document, unsupported},
		{"under the name of one that the account has, and the pool does not trust", corp + "2", document, unsupported},
		{"under the ARN of another account", strings.Replace(corp, pooltest.Account, other, 1), document, unsupported},
		{"under the OpenID provider's name", f.idp.Name(), base64.StdEncoding.EncodeToString([]byte(document)), openID},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := f.list(t) + f.show(t, known)
			logins := pooltest.Object{row.key: row.response}
			want := notAuthorized(row.want)
			want.check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": logins}))
			for _, id := range []string{guest, known} {
				want.check(t, f.as(t, "GetCredentialsForIdentity", id, logins))
			}
			if after := f.list(t) + f.show(t, known); after != before {
				t.Errorf("something was stored: %s, before %s", after, before)
			}
		})
	}
	t.Run("expired", func(t *testing.T) {
		short := with(func(a *pooltest.Assertion) { a.Lifetime = time.Minute })
		f.getID(t, saml(short))
		f.Clock.Advance(10 * time.Minute)
		r := f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": saml(short)})
		if !strings.HasPrefix(r.Message(), "Invalid login token. Token expired: ") || r.Status != 400 {
			t.Errorf("%d %s", r.Status, r.Message())
		}
	})
}

// show is all that is known of an identity.
func (f *front) show(t *testing.T, id string) string {
	t.Helper()
	return string(f.Signed(t, "DescribeIdentity", pooltest.Object{"IdentityId": id}).Must(t).Body)
}

// An assertion is good for the one identity that it was first used for: no other caller, pool or operation gets anything for it.
func TestSAMLReplay(t *testing.T) {
	f, idp := startWithSAML(t)
	used := notAuthorized("Invalid login token. The SAML assertion was used before, for another identity.")
	mine := saml(idp.Response(t, grants("alice", "Staff")))
	id := f.getID(t, mine)

	second := f.create(t, pooltest.Object{"SamlProviderARNs": []string{corp}})
	used.check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": second, "Logins": mine}))

	// Nor does another name of the same identity provider help, in whatever account.
	f.IAM(t, "CreateSAMLProvider", "Name", "Again", "SAMLMetadataDocument", idp.Metadata()).Must(t)
	third := f.create(t, pooltest.Object{"SamlProviderARNs": []string{corp[:len(corp)-4] + "Again"}})
	used.check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": third, "Logins": pooltest.Object{corp[:len(corp)-4] + "Again": mine[corp]}}))

	// Alice unlinks, and her assertion does not make another identity of her.
	fresh := idp.Response(t, grants("alice", "Staff"))
	f.Public(t, "UnlinkIdentity", pooltest.Object{"IdentityId": id, "Logins": saml(fresh), "LoginsToRemove": []string{corp}}).Must(t)
	for _, response := range []string{mine[corp].(string), fresh} {
		used.check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": saml(response)}))
	}
	again := f.getID(t, saml(idp.Response(t, grants("alice", "Staff"))))
	if again == id {
		t.Error("an unlinked login leads to the old identity")
	}

	// Nobody merges by an assertion that another identity was found by; a new one merges, and takes the old one's along.
	carols := saml(idp.Response(t, grants("carol", "Staff")))
	carol := f.getID(t, carols)
	mallory := f.getID(t, f.logins("mallory"))
	together := func(response any) pooltest.Object {
		logins := f.logins("mallory")
		logins[corp] = response
		return logins
	}
	used.check(t, f.as(t, "GetCredentialsForIdentity", mallory, together(carols[corp])))
	merged := f.as(t, "GetCredentialsForIdentity", mallory, together(idp.Response(t, grants("carol", "Staff")))).Must(t).Object(t)["IdentityId"].(string)
	if got := f.getID(t, carols); got != merged {
		t.Errorf("after the merge of %s and %s the response is %s, not %s", carol, mallory, got, merged)
	}

	// A provider that is made again under its name does not make old assertions new.
	f.IAM(t, "DeleteSAMLProvider", "SAMLProviderArn", corp).Must(t)
	notAuthorized(unsupported).check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": carols}))
	f.IAM(t, "CreateSAMLProvider", "Name", "Corp", "SAMLMetadataDocument", idp.Metadata()).Must(t)
	used.check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": second, "Logins": carols}))
}

// Of many who show one assertion at once in two pools, those of one pool get the identity and the others nothing.
func TestSAMLReplayAtOnce(t *testing.T) {
	for name, options := range map[string][]func(*server.Config){"sqlite": nil, "postgres": {nil}} {
		t.Run(name, func(t *testing.T) {
			if options != nil {
				options = []func(*server.Config){onPostgres(t)}
			}
			f, idp := startWithSAML(t, options...)
			pools := []string{f.pool, f.create(t, pooltest.Object{"SamlProviderARNs": []string{corp}})}
			for range 20 {
				logins := saml(idp.Response(t, grants("alice", "Staff")))
				var all sync.WaitGroup
				taken := make([]bool, 8)
				for i := range taken {
					all.Go(func() {
						r := f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": pools[i%2], "Logins": logins})
						taken[i] = r.Status == 200
					})
				}
				all.Wait()
				if taken[0] == taken[1] {
					t.Fatalf("taken in both pools or none: %v", taken)
				}
				for i := range taken {
					if taken[i] != taken[i%2] {
						t.Errorf("in one pool some were taken and some not: %v", taken)
					}
				}
			}
		})
	}
}

// The classic flow knows nothing of the roles in an assertion, and refuses it unseen.
func TestSAMLClassicFlow(t *testing.T) {
	f, idp := startWithSAML(t)
	logins := saml(idp.Response(t, grants("alice", "Staff")))
	id := f.getID(t, logins)
	refusal{"InvalidParameterException", "Basic (classic) flow is not supported with SAML providers, please use enhanced flow."}.
		check(t, f.as(t, "GetOpenIdToken", id, logins))
}

// The operator may name a recipient of his own; the one of Amazon counts always.
func TestSAMLRecipient(t *testing.T) {
	const own = "https://id.example.com/saml"
	f, idp := startWithSAML(t, func(c *server.Config) { c.SAMLRecipient = own })
	for _, recipient := range []string{"", own} {
		f.getID(t, saml(idp.Response(t, pooltest.Assertion{Subject: "alice", Recipient: recipient})))
	}
	elsewhere := idp.Response(t, pooltest.Assertion{Subject: "alice", Recipient: own + "/"})
	notAuthorized(unsupported).check(t, f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": saml(elsewhere)}))
}

// A developer's user may have a SAML login too.
func TestSAMLWithDeveloper(t *testing.T) {
	f, idp := startWithSAML(t)
	pool := f.create(t, pooltest.Object{"SamlProviderARNs": []string{corp}, "DeveloperProviderName": "login.backend"})
	logins := saml(idp.Response(t, grants("alice", "Staff")))
	logins["login.backend"] = "user-1"
	out := f.Signed(t, "GetOpenIdTokenForDeveloperIdentity", pooltest.Object{"IdentityPoolId": pool, "Logins": logins}).Must(t).Object(t)
	delete(logins, "login.backend")
	id := f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": pool, "Logins": logins}).Must(t).Object(t)["IdentityId"]
	if id != out["IdentityId"] {
		t.Errorf("identity %v, the developer's is %v", id, out["IdentityId"])
	}
	amr := claims(t, out["Token"].(string))["amr"].([]any)
	if len(amr) != 5 || amr[3] != corp || amr[4] != corp+":SAML:alice" {
		t.Errorf("amr %v", amr)
	}
}

// The log names the reason, and neither the response nor the subject.
func TestSAMLInTheLog(t *testing.T) {
	f, idp := startWithSAML(t)
	response := idp.Response(t, pooltest.Assertion{Subject: "alice-in-the-log", Audience: "urn:other"})
	f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": saml(response)})
	log := f.Log.String()
	if !strings.Contains(log, "its audience is somebody else") {
		t.Errorf("no reason in the log: %s", log)
	}
	for _, secret := range []string{response, url.QueryEscape(response), "alice-in-the-log"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}
