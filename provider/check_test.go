package provider

import (
	"context"
	stdjson "encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"idpool/wire"
)

// checker is a fake of what is asked: it keeps the last request and answers what the test says.
type checker struct {
	*httptest.Server
	asked  atomic.Int64
	status int
	answer string
	last   *http.Request
	body   string
}

func newChecker(t testing.TB) *checker {
	c := &checker{status: 200}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.asked.Add(1)
		body, _ := io.ReadAll(r.Body)
		c.last, c.body = r, string(body)
		w.WriteHeader(c.status)
		_, _ = io.WriteString(w, c.answer)
	}))
	t.Cleanup(c.Close)
	return c
}

const checkedPool = pools + "/us-east-1_A"

// alice was vouched for by a token that was issued at newClock's time.
func alice(pairs ...any) *Claims {
	iat := newClock().now()
	claims := edit(map[string]any{"iss": "i", "sub": "sub-1", "aud": "a", "exp": iat.Unix() + 3600, "iat": iat.Unix(), "cognito:username": "alice"}, pairs...)
	c, err := parseClaims([]byte(text(claims)))
	if err != nil {
		panic(err)
	}
	return c
}

func (c *checker) verifier(check Check) *Verifier {
	return &Verifier{Now: newClock().now, Settings: Settings{checkedPool: {Endpoint: c.URL, Check: &check}}}
}

// answerRow is what the checker says and what becomes of the sign-in.
type answerRow struct {
	name, answer string
	status       int
	want         string
}

func (c *checker) try(t *testing.T, check Check, rows []answerRow) {
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			c.status, c.answer = row.status, row.answer
			err := c.verifier(check).CheckUser(t.Context(), checkedPool, alice(), "the.id.token")
			want(t, "outcome", outcome(err), row.want)
			if err != nil && strings.Contains(fmt.Sprint(err, " ", err.(interface{ Unwrap() error }).Unwrap()), "secret") {
				t.Errorf("an error has a secret: %v", err)
			}
		})
	}
}

// anywhere is what every kind refuses to take for an answer.
func anywhere() []answerRow {
	return []answerRow{
		{"empty", ``, 200, "unavailable"},
		{"no JSON", `<html>`, 200, "unavailable"},
		{"no object", `true`, 200, "unavailable"},
		{"null", `null`, 200, "unavailable"},
		{"nothing in it", `{}`, 200, "unavailable"},
		{"names twice", `{"active":false,"active":true,"Enabled":false,"Enabled":true}`, 200, "unavailable"},
		{"of other types", `{"active":"true","Enabled":"true"}`, 200, "unavailable"},
		{"numbers", `{"active":1,"Enabled":1}`, 200, "unavailable"},
		{"good, but 403", `{"active":true,"Enabled":true}`, 403, "unavailable"},
		{"good, but 500", `{"active":true,"Enabled":true}`, 500, "unavailable"},
		{"good, but 302", `{"active":true,"Enabled":true}`, 302, "unavailable"},
		{"404", `not found`, 404, "unavailable"},
		{"too long", `{"active":true,"Enabled":true,"x":"` + strings.Repeat("x", 1<<20) + `"}`, 200, "unavailable"},
	}
}

func TestCheckByCognito(t *testing.T) {
	c := newChecker(t)
	check := Check{Kind: "cognito-idp", AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "the-secret"}
	user := func(enabled, status, sub string) string {
		return `{"Username":"alice","Enabled":` + enabled + `,"UserStatus":"` + status + `","UserCreateDate":1.7e9,` +
			`"UserAttributes":[{"Name":"email","Value":"a@example.com"},{"Name":"sub","Value":"` + sub + `"}]}`
	}
	c.try(t, check, append(anywhere(), []answerRow{
		{"confirmed", user("true", "CONFIRMED", "sub-1"), 200, "ok"},
		{"of an outside provider", user("true", "EXTERNAL_PROVIDER", "sub-1"), 200, "ok"},
		{"without attributes", `{"Enabled":true}`, 200, "unavailable"},
		{"disabled", user("false", "CONFIRMED", "sub-1"), 200, isInactive},
		{"archived", user("true", "ARCHIVED", "sub-1"), 200, isInactive},
		{"compromised", user("true", "COMPROMISED", "sub-1"), 200, isInactive},
		{"deleted, and the name given again", user("true", "CONFIRMED", "sub-2"), 200, isInactive},
		{"deleted", `{"__type":"UserNotFoundException","message":"User does not exist."}`, 400, isInactive},
		{"deleted, long type", `{"__type":"com.amazonaws.cognito#UserNotFoundException:http://x"}`, 400, isInactive},
		{"the pool deleted", `{"__type":"ResourceNotFoundException"}`, 400, "unavailable"},
		{"a key that is not ours", `{"__type":"UnrecognizedClientException"}`, 400, "unavailable"},
		{"nothing allowed", `{"__type":"AccessDeniedException"}`, 400, "unavailable"},
		{"too many requests", `{"__type":"TooManyRequestsException"}`, 400, "unavailable"},
	}...))

	c.status, c.answer = 200, user("true", "CONFIRMED", "sub-1")
	want(t, "outcome", outcome(c.verifier(check).CheckUser(t.Context(), checkedPool, alice(), "t")), "ok")
	want(t, "method and path", c.last.Method+" "+c.last.URL.Path, "POST /")
	want(t, "target", c.last.Header.Get("X-Amz-Target"), "AWSCognitoIdentityProviderService.AdminGetUser")
	want(t, "type", c.last.Header.Get("Content-Type"), "application/x-amz-json-1.1")
	var sent map[string]string
	if err := stdjson.Unmarshal([]byte(c.body), &sent); err != nil {
		t.Fatal(err)
	}
	want(t, "pool", sent["UserPoolId"], "us-east-1_A")
	want(t, "user", sent["Username"], "alice")
	verifySigned(t, c)

	want(t, "without a name", outcome(c.verifier(check).CheckUser(t.Context(), checkedPool, alice("cognito:username", absent{}), "t")), "ok")
	want(t, "the sub is asked for", strings.Contains(c.body, `"Username":"sub-1"`), true)
}

// oneKey knows one access key.
type oneKey struct{}

func (oneKey) Key(_ context.Context, id, _ string) (wire.Key, error) {
	if id != "AKIDEXAMPLE" {
		return wire.Key{}, wire.ErrUnknownKey
	}
	return wire.Key{Secret: "the-secret", Caller: wire.Caller{AccessKeyID: id}}, nil
}

// verifySigned lets this project's own verifier, which is tried with Amazon's clients, look at the signature.
func verifySigned(t *testing.T, c *checker) {
	t.Helper()
	v := wire.Verifier{Keys: oneKey{}, Now: newClock().now}
	caller, err := v.Verify(c.last, []byte(c.body), "cognito-idp")
	if err != nil {
		t.Fatal(err)
	}
	want(t, "region signed for", caller.Region, "us-east-1")
}

// answers of introspection and of the operator's own URL
func activeRows() []answerRow {
	iat := newClock().now().Unix()
	before := func(s any) string { return fmt.Sprintf(`{"active":true,"not_before":%v}`, s) }
	return append(anywhere(), []answerRow{
		{"active", `{"active":true}`, 200, "ok"},
		{"active, and more", `{"active":true,"sub":"sub-1","scope":"openid","nested":{"active":false}}`, 200, "ok"},
		{"inactive", `{"active":false}`, 200, isInactive},
		{"null", `{"active":null}`, 200, "unavailable"},
		{"in capitals", `{"Active":true}`, 200, "unavailable"},
		{"signed out before the token was issued", before(iat - 1), 200, "ok"},
		{"signed out in the same second", before(iat), 200, "ok"},
		{"signed out afterwards", before(iat + 1), 200, isInactive},
		{"signed out a moment afterwards", before(float64(iat) + 0.5), 200, isInactive},
		{"never signed out", before(0), 200, "ok"},
		{"not_before null", before("null"), 200, "ok"},
		{"not_before in milliseconds", before(iat * 1000), 200, "unavailable"},
		{"not_before a string", before(`"2026"`), 200, "unavailable"},
		{"not_before negative", before(-1), 200, "unavailable"},
		{"inactive, not_before aside", `{"active":false,"not_before":0}`, 200, isInactive},
		{"401", `{"error":"invalid_client"}`, 401, "unavailable"},
		{"201", `{"active":true}`, 201, "unavailable"},
	}...)
}

func TestCheckByIntrospection(t *testing.T) {
	c := newChecker(t)
	check := Check{Kind: "introspection", URL: c.URL + "/introspect", ClientID: "id pool", ClientSecret: "the-secret:&"}
	c.try(t, check, activeRows())
	id, secret, _ := c.last.BasicAuth()
	want(t, "client, form-encoded", id+" "+secret, "id+pool the-secret%3A%26")
	want(t, "method and path", c.last.Method+" "+c.last.URL.Path, "POST /introspect")
	want(t, "type", c.last.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	want(t, "body", c.body, "token=the.id.token")
}

func TestCheckByHTTP(t *testing.T) {
	c := newChecker(t)
	c.try(t, Check{Kind: "http", URL: c.URL + "/{sub}", Authorization: "Bearer the-secret"}, activeRows())
	want(t, "authorization", c.last.Header.Get("Authorization"), "Bearer the-secret")

	c.status, c.answer = 200, `{"active":true}`
	for _, row := range []struct{ template, method, username, want string }{
		{"/users/{sub}", "", "alice", "GET /users/sub-1 "},
		{"/{pool}/users/{username}?a=1", "GET", "alice", "GET /us-east-1_A/users/alice?a=1 "},
		{"/u?n={username}&p={pool}", "", "a b&c=d/é", "GET /u?n=a+b%26c%3Dd%2F%C3%A9&p=us-east-1_A "},
		{"/u?n={username}", "", "..", "GET /u?n=.. "},
		{"/u/{username}", "", "a?b#c", "GET /u/a%3Fb%23c "},
		{"/u/{username}", "", "{sub}", "GET /u/%7Bsub%7D "},
		{"/u/{username}", "", "..", "unavailable"},
		{"/u/{username}", "", ".", "unavailable"},
		{"/u/{username}", "", "x/../admin", "unavailable"},
		{"/u/{username}", "", `x\..\admin`, "unavailable"},
		{"/u/{username}", "", "", "unavailable"},
		{"/u", "POST", "ali\"ce", `POST /u {"pool":"us-east-1_A","sub":"sub-1","username":"ali\"ce"}`},
	} {
		c.last, c.body = nil, ""
		v := c.verifier(Check{Kind: "http", URL: c.URL + row.template, Method: row.method})
		got := outcome(v.CheckUser(t.Context(), checkedPool, alice("cognito:username", row.username), "t"))
		if c.last != nil {
			got = c.last.Method + " " + c.last.RequestURI + " " + c.body
		}
		if row.method == "POST" {
			var sent map[string]string
			if err := stdjson.Unmarshal([]byte(c.body), &sent); err != nil {
				t.Error(err)
			}
			got = c.last.Method + " " + c.last.RequestURI + " " + text(sent)
		}
		want(t, row.template+" "+row.username, got, row.want)
	}
}

// A pool that asks for a check and has none passes nobody.
func TestCheckNotConfigured(t *testing.T) {
	for _, s := range []Settings{nil, {checkedPool: {}}, {pools + "/us-east-1_B": {Check: &Check{Kind: "http", URL: "http://localhost:1"}}}} {
		v := &Verifier{Settings: s}
		want(t, "outcome", outcome(v.CheckUser(t.Context(), checkedPool, alice(), "t")), "unavailable")
	}
}

// The user is asked for every time; of a region's settings each pool has its own.
func TestCheckIsNeverCached(t *testing.T) {
	c := newChecker(t)
	v := &Verifier{Now: newClock().now, Settings: Settings{pools: {Check: &Check{Kind: "http", URL: c.URL + "/{pool}"}}}}
	c.answer = `{"active":true}`
	for n := range 10 {
		want(t, "outcome", outcome(v.CheckUser(t.Context(), checkedPool, alice(), "t")), "ok")
		want(t, "asked", c.asked.Load(), int64(n+1))
	}
	want(t, "path", c.last.URL.Path, "/us-east-1_A")
	c.answer = `{"active":false}`
	want(t, "at once", outcome(v.CheckUser(t.Context(), checkedPool, alice(), "t")), isInactive)
}

// A checker that hangs or is gone refuses its own pool, soon costs nothing, and holds up no other.
func TestDeadChecker(t *testing.T) {
	dead, alive := newChecker(t), newChecker(t)
	alive.answer = `{"active":true}`
	gate := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-gate }))
	t.Cleanup(hanging.Close)
	t.Cleanup(func() { close(gate) })
	west := "cognito-idp.us-west-2.amazonaws.com/us-west-2_A"
	east := "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_A"
	by := func(url string) Setting { return Setting{Check: &Check{Kind: "http", URL: url + "/{sub}"}} }
	v := &Verifier{
		Now: newClock().now, Timeout: 200 * time.Millisecond,
		Settings: Settings{checkedPool: by(dead.URL), west: by(alive.URL), east: by(hanging.URL)},
	}
	dead.status = 503
	for range 20 {
		want(t, "dead", outcome(v.CheckUser(t.Context(), checkedPool, alice(), "t")), "unavailable")
		want(t, "alive", outcome(v.CheckUser(t.Context(), west, alice(), "t")), "ok")
	}
	want(t, "the dead one was asked", dead.asked.Load(), maxFailures)
	want(t, "the one alive was asked", alive.asked.Load(), 20)
	want(t, "hanging", outcome(v.CheckUser(t.Context(), east, alice(), "t")), "unavailable")
}
