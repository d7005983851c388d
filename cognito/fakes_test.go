package cognito_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

const (
	amazon  = "www.amazon.com"
	twitter = "api.twitter.com"
	digits  = "www.digits.com"

	amazonApp  = "amzn1.application-oa2-client.one"
	twitterApp = "twkey;twsecret"
)

// asked is a fake of a provider that is asked about access tokens. It answers of each token what the test says.
type asked struct {
	*httptest.Server
	token func(r *http.Request) string // that a request asks about; empty: the question itself is refused
	calls atomic.Int64

	mu               sync.Mutex
	answers          map[string]http.HandlerFunc
	unknown, refused http.HandlerFunc
}

// says is an answer.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// hangsUp ends the connection instead of an answer.
func hangsUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func newAsked(t *testing.T, token func(r *http.Request) string, unknown, refused http.HandlerFunc) *asked {
	t.Helper()
	a := &asked{token: token, answers: map[string]http.HandlerFunc{}, unknown: unknown, refused: refused}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *asked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.calls.Add(1)
	token := a.token(r)
	a.mu.Lock()
	answer := a.answers[token]
	a.mu.Unlock()
	switch {
	case token == "":
		a.refused(w, r)
	case answer == nil:
		a.unknown(w, r)
	default:
		answer(w, r)
	}
}

// of sets the answer about a token.
func (a *asked) of(token string, answer http.HandlerFunc) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers[token] = answer
}

// newFacebook answers its app 7, whose secret is "secret" (Graph API reference, debug_token; "Handle errors").
func newFacebook(t *testing.T) *asked {
	t.Helper()
	f := newAsked(t, func(r *http.Request) string {
		if q := r.URL.Query(); r.URL.Path == "/debug_token" && q.Get("access_token") == "7|secret" {
			return q.Get("input_token")
		}
		return ""
	}, says(200, `{"data":{"error":{"code":190,"message":"Malformed access token"},"is_valid":false,"scopes":[]}}`),
		says(400, `{"error":{"message":"Error validating application.","type":"OAuthException","code":101}}`))
	f.of("good", says(200, inspected("")))
	return f
}

// inspected is Facebook's answer about a good token of the user 42; more, in JSON, replaces members of it.
func inspected(more string) string {
	return `{"data":{` + members(`"app_id":"7","type":"USER","is_valid":true,"user_id":"42","expires_at":0`, more) + `}}`
}

// members puts members, in JSON without blanks, in the places of those of the same names; null takes one away.
func members(good, more string) string {
	if more == "" {
		return good
	}
	changed := strings.Split(more, ",")
	for _, member := range strings.Split(good, ",") {
		name, _, _ := strings.Cut(member, ":")
		if !slices.ContainsFunc(changed, func(c string) bool { return strings.HasPrefix(c, name+":") }) {
			changed = append(changed, member)
		}
	}
	return strings.Join(slices.DeleteFunc(changed, func(c string) bool { return strings.HasSuffix(c, ":absent") }), ",")
}

// newAmazon answers as Login with Amazon does (developer guide for websites, "Verify access tokens").
func newAmazon(t *testing.T) *asked {
	t.Helper()
	a := newAsked(t, func(r *http.Request) string {
		if r.URL.Path == "/auth/o2/tokeninfo" {
			return r.URL.Query().Get("access_token")
		}
		return ""
	}, says(400, `{"error":"invalid_token","error_description":"The request has an invalid parameter : access_token"}`),
		says(400, `{"error":"invalid_request","error_description":"The request is missing a required parameter : access_token"}`))
	a.of("Atza|good", says(200, tokenInfo("")))
	return a
}

// tokenInfo is Amazon's answer about a good token.
func tokenInfo(more string) string {
	return `{` + members(`"aud":"`+amazonApp+`","user_id":"amzn1.account.ONE","iss":"https://www.amazon.com","exp":3000,"app_id":"amzn1.application.one"`, more) + `}`
}

// newTwitter answers signed requests of its app twkey;twsecret by tokens whose secret is "secret" (API reference v1.1, GET
// account/verify_credentials and "Response codes"). It stands in for Digits too.
func newTwitter(t *testing.T) *asked {
	t.Helper()
	f := newAsked(t, oauthToken, says(401, `{"errors":[{"code":89,"message":"Invalid or expired token."}]}`),
		says(401, `{"errors":[{"code":32,"message":"Could not authenticate you."}]}`))
	f.of("good", says(200, `{"id":777,"id_str":"777","name":"Ann","screen_name":"ann"}`))
	return f
}

// oauthToken is the token that a request is signed by; empty if it is not signed well (RFC 5849, section 3.4). What the
// header has beside the names that belong there, or twice, makes it no good.
func oauthToken(r *http.Request) string {
	fields, found := strings.CutPrefix(r.Header.Get("Authorization"), "OAuth ")
	if !found || r.URL.Path != "/1.1/account/verify_credentials.json" || len(r.Header["X-Injected"]) > 0 {
		return ""
	}
	given := url.Values{}
	for field := range strings.SplitSeq(fields, ", ") {
		name, quoted, _ := strings.Cut(field, "=")
		value, err := url.PathUnescape(strings.Trim(quoted, `"`))
		if err != nil || !strings.HasPrefix(name, "oauth_") || given.Has(name) {
			return ""
		}
		given.Set(name, value)
	}
	encode := func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
	var pairs []string
	for _, values := range []url.Values{r.URL.Query(), given} {
		for name := range values {
			if name != "oauth_signature" {
				pairs = append(pairs, encode(name)+"="+encode(values.Get(name)))
			}
		}
	}
	slices.Sort(pairs)
	mac := hmac.New(sha1.New, []byte("twsecret&secret"))
	mac.Write([]byte(r.Method + "&" + encode("http://"+r.Host+r.URL.EscapedPath()) + "&" + encode(strings.Join(pairs, "&"))))
	if given.Get("oauth_signature") != base64.StdEncoding.EncodeToString(mac.Sum(nil)) || given.Get("oauth_consumer_key") != "twkey" {
		return ""
	}
	return given.Get("oauth_token")
}
