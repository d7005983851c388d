package cognito_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"idpool/pooltest"
	"idpool/provider"
)

// doubtful is an access token, what its provider answers about it, and what is said of it.
type doubtful struct {
	name, token string
	answer      http.HandlerFunc
	want        refusal
}

var isExpired = notAuthorized("Invalid login token. Token is expired.")

// notAsked is what is said when the provider, not the token, is at fault.
func notAsked(name string) refusal {
	return refusal{"ExternalServiceException", "The identity provider " + name + " could not be asked. Try again later."}
}

// doubts tries tokens of one provider, one after the other, each with its provider rested.
func (f *besieged) doubts(t *testing.T, key string, a *asked, rows []doubtful) {
	t.Helper()
	for _, row := range rows {
		token := row.token
		if token == "" {
			token = "Atza|" + strings.ReplaceAll(row.name, " ", "-")
		}
		a.of(token, row.answer)
		if key == twitter || key == digits {
			token += ";secret"
		}
		f.refusesEverywhere(t, key, []attack{{row.name, token, row.want}})
		if row.want == notAsked(key) && a.calls.Load() == 0 {
			t.Errorf("%s: was not asked", row.name)
		}
		if strings.Contains(f.Log.String(), token) {
			t.Errorf("%s: the log has the token in it", row.name)
		}
		a.calls.Store(0)
		f.Clock.Advance(11 * time.Second) // a provider that failed five times is left alone for 10
	}
}

// nonsense are logins that can be no access token. Nobody is asked about them.
func (f *besieged) nonsense(t *testing.T, key string, a *asked) {
	t.Helper()
	rows := []attack{
		{"a blank", "a b;secret", isRefused},
		{"a line's end", "good\n;secret", isRefused},
		{"a header of its own", "good\r\nX-Injected: 1;secret", isRefused},
		{"a header of its own, in the secret", "good;secret\r\nX-Injected: 1", isRefused},
		{"NUL", "good\x00;secret", isRefused},
		{"letters beyond ASCII", "göod;secret", isRefused},
		{"DEL", "good\x7f;secret", isRefused},
		{"over 4,096 bytes", strings.Repeat("x", 4000) + ";" + strings.Repeat("x", 96), isRefused},
		{"50,000 bytes", strings.Repeat("x", 49_999) + ";", isRefused},
		{"50,001 bytes", strings.Repeat("x", 50_000) + ";", isTooLong},
		{"nothing", "", isTooLong},
	}
	a.calls.Store(0)
	f.refuses(t, key, rows)
	if n := a.calls.Load(); n != 0 {
		t.Errorf("the provider was asked %d times", n)
	}
}

// inTrouble are answers that say nothing of a token, whoever gives them.
func inTrouble(key string) []doubtful {
	garbage := says(200, "<html>Log in to the hotel's network</html>")
	return []doubtful{
		{"429", "", says(429, `{"error":{"code":190},"errors":[{"code":88,"message":"Rate limit exceeded"}]}`), notAsked(key)},
		{"500", "", says(500, `{"error":{"code":190},"errors":[{"code":131}]}`), notAsked(key)},
		{"502", "", says(502, "<html>Bad gateway</html>"), notAsked(key)},
		{"503", "", says(503, `{"errors":[{"code":130,"message":"Over capacity"}]}`), notAsked(key)},
		{"404", "", says(404, "404 page not found"), notAsked(key)},
		{"204", "", says(204, ""), notAsked(key)},
		{"redirect", "", http.RedirectHandler("/elsewhere", http.StatusFound).ServeHTTP, notAsked(key)},
		{"hangs up", "", hangsUp, notAsked(key)},
		{"garbage", "", garbage, notAsked(key)},
		{"empty object", "", says(200, "{}"), notAsked(key)},
		{"list", "", says(200, "[{}]"), notAsked(key)},
		{"cut off", "", says(200, `{"data":{"app_id":"7","is_valid":true,"user_id":"42","ty`), notAsked(key)},
		{"huge", "", says(200, `{"x":"`+strings.Repeat("x", 70_000)+`"}`), notAsked(key)},
		{"twice", "", says(200, `{"id_str":"777","id_str":"778","aud":"a","aud":"a","data":{},"data":{}}`), notAsked(key)},
	}
}

func social(key, app string) func(*front) pooltest.Object {
	return func(*front) pooltest.Object {
		return pooltest.Object{"SupportedLoginProviders": pooltest.Object{key: app}}
	}
}

func TestAttacksByFacebookTokens(t *testing.T) {
	a := newFacebook(t)
	f := besiege(t, provider.Settings{facebook: {Endpoint: a.URL, Secrets: map[string]string{"7": "secret"}}}, social(facebook, "7"))
	info := func(more string) http.HandlerFunc { return says(200, inspected(more)) }
	invalid := func(more string) http.HandlerFunc {
		return says(200, `{"data":{"app_id":"7","type":"USER","is_valid":false,"user_id":"42","error":{"code":190`+more+`}}}`)
	}
	code := func(code string) http.HandlerFunc {
		return says(400, `{"error":{"message":"x","type":"OAuthException","code":`+code+`}}`)
	}
	f.doubts(t, facebook, a, append([]doubtful{
		{"one that it does not know", "EAAGunknown", nil, isRefused},
		{"not valid", "", info(`"is_valid":false`), isRefused},
		{"validity not told", "", info(`"is_valid":absent`), isRefused},
		{"validity as text", "", info(`"is_valid":"true"`), notAsked(facebook)},
		{"expired, they say", "", invalid(`,"subcode":463`), isExpired},
		{"of a password that was changed", "", invalid(`,"subcode":460`), isRefused},
		{"of an app that was removed", "", invalid(`,"subcode":458`), isRefused},
		{"valid, they say, but ended", "", info(`"expires_at":1400000000`), isExpired},
		{"ends before time", "", info(`"expires_at":-1`), isExpired},
		{"another app's", "", info(`"app_id":"8"`), isForOthers},
		{"another app's by a digit", "", info(`"app_id":"7.0"`), isForOthers},
		{"another app's, refused", "", code("100"), isForOthers},
		{"a page's", "", info(`"type":"PAGE"`), isRefused},
		{"an app's", "", info(`"type":"APP","user_id":absent`), isRefused},
		{"type not told", "", info(`"type":absent`), isRefused},
		{"no app", "", info(`"app_id":absent`), notAsked(facebook)},
		{"no user", "", info(`"user_id":absent`), notAsked(facebook)},
		{"user empty", "", info(`"user_id":""`), notAsked(facebook)},
		{"user of letters", "", info(`"user_id":"me"`), notAsked(facebook)},
		{"user a fraction", "", info(`"user_id":4.2`), notAsked(facebook)},
		{"user a list", "", info(`"user_id":["42"]`), notAsked(facebook)},
		{"app limit", "", code("4"), notAsked(facebook)},
		{"user limit", "", code("17"), notAsked(facebook)},
		{"its own trouble", "", code("2"), notAsked(facebook)},
		{"our secret refused", "", code("190"), notAsked(facebook)},
		{"more parameters in the token", "good&access_token=good", nil, isRefused},
		{"the app's own", "7|secret", nil, isRefused},
		{"a token of Limited Login", "eyJhbGciOiJSUzI1NiJ9.e30.AA", info(""), isRefused},
	}, inTrouble(facebook)...))
	f.nonsense(t, facebook, a)
	f.getID(t, pooltest.Object{facebook: "good"})
}

func TestAttacksByAmazonTokens(t *testing.T) {
	a := newAmazon(t)
	f := besiege(t, provider.Settings{amazon: {Endpoint: a.URL}}, social(amazon, amazonApp))
	info := func(more string) http.HandlerFunc { return says(200, tokenInfo(more)) }
	f.doubts(t, amazon, a, append([]doubtful{
		{"one that it does not know", "Atza|unknown", nil, isRefused},
		{"401", "", says(401, `{"error":"invalid_token"}`), isRefused},
		{"403", "", says(403, `{"error":"insufficient_scope"}`), isRefused},
		{"another app's", "", info(`"aud":"amzn1.application-oa2-client.two"`), isForOthers},
		{"another app's of a name that goes on", "", info(`"aud":"` + amazonApp + `x"`), isForOthers},
		{"another app's by a blank", "", info(`"aud":"` + amazonApp + ` "`), isForOthers},
		{"our app in capitals", "", info(`"aud":"` + strings.ToUpper(amazonApp) + `"`), isForOthers},
		{"for the other id of the app", "", info(`"aud":"amzn1.application.one"`), isForOthers},
		{"apps in a list", "", info(`"aud":["` + amazonApp + `"]`), notAsked(amazon)},
		{"no aud", "", info(`"aud":absent`), notAsked(amazon)},
		{"no time left", "", info(`"exp":0`), isExpired},
		{"less than none", "", info(`"exp":-5`), isExpired},
		{"time as text", "", info(`"exp":"3000"`), notAsked(amazon)},
		{"no time told", "", info(`"exp":absent`), notAsked(amazon)},
		{"no user", "", info(`"user_id":absent`), notAsked(amazon)},
		{"user empty", "", info(`"user_id":""`), notAsked(amazon)},
		{"user with a line's end", "", info(`"user_id":"amzn1.account.ONE\n"`), notAsked(amazon)},
		{"user with NUL", "", info(`"user_id":"amzn1.account.ONE\u0000"`), notAsked(amazon)},
		{"user of 1,025 bytes", "", info(`"user_id":"` + strings.Repeat("x", 1025) + `"`), notAsked(amazon)},
		{"more parameters in the token", "Atza|good&access_token=Atza|good", nil, isRefused},
		{"a refresh token", "Atzr|x", nil, isRefused},
	}, inTrouble(amazon)...))
	f.nonsense(t, amazon, a)
	f.getID(t, pooltest.Object{amazon: "Atza|good"})
}

func TestAttacksByTwitterTokens(t *testing.T) {
	for _, key := range []string{twitter, digits} {
		t.Run(key, func(t *testing.T) { attackByTwitterTokens(t, key) })
	}
}

func attackByTwitterTokens(t *testing.T, key string) {
	a := newTwitter(t)
	f := besiege(t, provider.Settings{key: {Endpoint: a.URL}}, social(key, twitterApp))
	refuses := func(status int, code string) http.HandlerFunc {
		return says(status, `{"errors":[{"code":`+code+`,"message":"x"}]}`)
	}
	f.doubts(t, key, a, append([]doubtful{
		{"one that it does not know", "unknown", nil, isRefused},
		{"not authenticated", "", refuses(401, "32"), isRefused},
		{"expired or revoked", "", refuses(401, "89"), isRefused},
		{"a suspended account", "", refuses(403, "64"), isRefused},
		{"a locked account", "", refuses(403, "326"), isRefused},
		{"our clock", "", refuses(401, "135"), notAsked(key)},
		{"our app is suspended", "", refuses(401, "416"), notAsked(key)},
		{"our app may not ask", "", refuses(403, "453"), notAsked(key)},
		{"limit of calls", "", refuses(429, "88"), notAsked(key)},
		{"refused without a reason", "", says(401, `{"errors":[]}`), notAsked(key)},
		{"no user", "", says(200, `{"name":"Ann"}`), notAsked(key)},
		{"user null", "", says(200, `{"id_str":null}`), notAsked(key)},
		{"user empty", "", says(200, `{"id_str":""}`), notAsked(key)},
		{"user of letters", "", says(200, `{"id_str":"ann"}`), notAsked(key)},
		{"user negative", "", says(200, `{"id_str":"-777"}`), notAsked(key)},
		{"user in a list", "", says(200, `{"id_str":["777"]}`), notAsked(key)},
		{"user of 33 digits", "", says(200, `{"id_str":"`+strings.Repeat("7", 33)+`"}`), notAsked(key)},
		{"a field of the header more", `x",oauth_token="good`, nil, isRefused},
		{"a field of the header more, with a blank's code", `x%22%2C%20oauth_token=%22good`, nil, isRefused},
		{"a parameter more", `good&oauth_token=good`, nil, isRefused},
	}, inTrouble(key)...))
	a.calls.Store(0)
	f.refusesEverywhere(t, key, []attack{
		{"the right token with another secret", "good;another", isRefused},
		{"two semicolons", "good;secret;", isRefused},
		{"many semicolons", "good;secret;;;;good;secret", isRefused},
	})
	if a.calls.Load() == 0 {
		t.Error("was not asked")
	}
	a.calls.Store(0)
	f.refusesEverywhere(t, key, []attack{
		{"no semicolon", "good", isRefused},
		{"no secret", "good;", isRefused},
		{"no token", ";secret", isRefused},
		{"a semicolon", ";", isRefused},
	})
	if n := a.calls.Load(); n != 0 {
		t.Errorf("was asked %d times", n)
	}
	f.nonsense(t, key, a)
	f.getID(t, pooltest.Object{key: "good;secret"})
}

// Without an endpoint that the operator names, nobody can vouch for logins of Digits.
func TestDigitsIsNoMore(t *testing.T) {
	f := besiege(t, nil, social(digits, twitterApp))
	f.refusesEverywhere(t, digits, []attack{{"any token", "good;secret", isForOthers}})
}
