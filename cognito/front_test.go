package cognito_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"idpool/internal/pgtest"
	"idpool/pooltest"
	"idpool/server"
	"idpool/wire"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// onPostgres lets a node keep its data in a new database of PostgreSQL.
func onPostgres(t *testing.T) func(*server.Config) {
	t.Helper()
	url := pgtest.Start(t)(t)
	return func(c *server.Config) { c.Database, c.IssuerURL = url, "http://127.0.0.1:1" }
}

// other is an account beside pooltest's.
const other = "999999999999"

// front is a node, a provider, and a pool that trusts it; whoever calls it comes in by the front door.
type front struct {
	*pooltest.Node
	idp  *pooltest.Provider
	pool string
}

// start runs a node for a test, which then runs beside others: a node has everything for itself.
func start(t *testing.T, options ...func(*server.Config)) *front {
	t.Helper()
	t.Parallel()
	return startAlone(t, options...)
}

// startAlone is start for a test that wants the machine for itself.
func startAlone(t *testing.T, options ...func(*server.Config)) *front {
	t.Helper()
	quick := func(c *server.Config) { c.SigningAlgorithm = "ES256" } // whose keys are made at once
	f := &front{Node: pooltest.Start(t, append(options, quick)...), idp: pooltest.NewProvider(t)}
	f.idp.Now = f.Clock.Now
	f.pool = f.Pool(t, f.idp)
	return f
}

// register makes a provider known to the account, and lets the pool trust it beside the first.
func (f *front) register(t *testing.T, p *pooltest.Provider) {
	t.Helper()
	p.Now = f.Clock.Now
	f.IAM(t, "CreateOpenIDConnectProvider", "Url", p.URL, "ClientIDList.member.1", "app").Must(t)
	f.update(t, f.pool, pooltest.Object{"OpenIdConnectProviderARNs": []string{f.idp.ARN(pooltest.Account), p.ARN(pooltest.Account)}})
}

// create makes a pool with these settings beside a name; guests are not allowed unless they say so.
func (f *front) create(t *testing.T, settings pooltest.Object) string {
	t.Helper()
	in := pooltest.Object{"IdentityPoolName": "test", "AllowUnauthenticatedIdentities": false}
	for member, value := range settings {
		in[member] = value
	}
	return f.Signed(t, "CreateIdentityPool", in).Must(t).Object(t)["IdentityPoolId"].(string)
}

// update replaces a pool's settings; guests are allowed unless they say otherwise.
func (f *front) update(t *testing.T, pool string, settings pooltest.Object) {
	t.Helper()
	in := pooltest.Object{"IdentityPoolId": pool, "IdentityPoolName": "test", "AllowUnauthenticatedIdentities": true}
	for member, value := range settings {
		in[member] = value
	}
	f.Signed(t, "UpdateIdentityPool", in).Must(t)
}

// logins makes a Logins map of a subject at some providers, the first one if none is named.
func (f *front) logins(subject string, providers ...*pooltest.Provider) pooltest.Object {
	if len(providers) == 0 {
		providers = []*pooltest.Provider{f.idp}
	}
	logins := pooltest.Object{}
	for _, p := range providers {
		logins[p.Name()] = p.Token("app", subject)
	}
	return logins
}

// getID signs in to the pool; without logins it makes a guest.
func (f *front) getID(t *testing.T, logins pooltest.Object) string {
	t.Helper()
	return f.Public(t, "GetId", pooltest.Object{"IdentityPoolId": f.pool, "Logins": logins}).Must(t).Object(t)["IdentityId"].(string)
}

// as calls an operation that names an identity.
func (f *front) as(t *testing.T, operation, id string, logins pooltest.Object) *pooltest.Reply {
	t.Helper()
	return f.Public(t, operation, pooltest.Object{"IdentityId": id, "Logins": logins})
}

// session is temporary credentials.
type session struct {
	key   wire.Key
	token string
}

// credentials reads a reply of GetCredentialsForIdentity.
func credentials(t *testing.T, r *pooltest.Reply) session {
	t.Helper()
	c := r.Must(t).Object(t)["Credentials"].(pooltest.Object)
	return session{
		wire.Key{Secret: c["SecretKey"].(string), Caller: wire.Caller{AccessKeyID: c["AccessKeyId"].(string)}},
		c["SessionToken"].(string),
	}
}

// role is the name of the role that credentials are for.
func (f *front) role(t *testing.T, r *pooltest.Reply) string {
	t.Helper()
	s := credentials(t, r)
	arn := f.STS(t, s.key, s.token, "GetCallerIdentity").Must(t).Element("Arn")
	_, rest, _ := strings.Cut(arn, ":assumed-role/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// signedBy calls a signed operation with any credentials, in any region.
func (f *front) signedBy(t *testing.T, s session, region, operation string, in any) *pooltest.Reply {
	t.Helper()
	r, body := f.JSON(t, "AWSCognitoIdentityService."+operation, in)
	if s.token != "" {
		r.Header.Set("X-Amz-Security-Token", s.token)
	}
	wire.Sign(r, body, s.key, region, "cognito-identity", f.Clock.Now())
	return f.Do(t, r)
}

// describe is an identity as DescribeIdentity shows it.
func (f *front) describe(t *testing.T, id string) pooltest.Object {
	t.Helper()
	return f.Signed(t, "DescribeIdentity", pooltest.Object{"IdentityId": id}).Must(t).Object(t)
}

// list is all that ListIdentities says of the pool, letter for letter.
func (f *front) list(t *testing.T) string {
	t.Helper()
	return string(f.Signed(t, "ListIdentities", pooltest.Object{"IdentityPoolId": f.pool, "MaxResults": 60}).Must(t).Body)
}

// claims reads a token's payload.
func claims(t *testing.T, token string) pooltest.Object {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var o pooltest.Object
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// refusal is an error as it must be answered: all of them have status 400.
type refusal struct {
	code    string
	message string
}

func (want refusal) check(t *testing.T, r *pooltest.Reply) {
	t.Helper()
	if got := (refusal{r.Code(), r.Message()}); r.Status != 400 || got != want {
		t.Errorf("got  %d %+v\nwant 400 %+v", r.Status, got, want)
	}
}

func notAuthorized(text string) refusal    { return refusal{"NotAuthorizedException", text} }
func invalidParameter(text string) refusal { return refusal{"InvalidParameterException", text} }

func forbidden(id string) refusal {
	return notAuthorized("Access to Identity '" + id + "' is forbidden.")
}

var (
	dontMatch  = notAuthorized("Logins don't match. Please include at least one valid login for this identity or identity pool.")
	noGuests   = notAuthorized("Unauthenticated access is not supported for this identity pool.")
	badRoles   = refusal{"InvalidIdentityPoolConfigurationException", "Invalid identity pool configuration. Check assigned IAM roles for this pool."}
	badPage    = invalidParameter("Invalid NextToken. Use one that this operation has returned for the same request.")
	unknownKey = refusal{"UnrecognizedClientException", "The security token included in the request is invalid."}
)

// roleARN is the ARN of a role of the account.
func roleARN(name string) string { return "arn:aws:iam::" + pooltest.Account + ":role/" + name }
