package provider

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeFacebook answers as the Graph API does (reference of debug_token; "Debugging and error handling"; "Handle errors").
type fakeFacebook struct {
	*online
	mu     sync.Mutex
	strict bool              // only apps and their developers may inspect tokens
	apps   map[string]string // secrets
	tokens map[string]fbToken
}

type fbToken struct {
	app, user string
	kind      string    // USER if empty
	expires   time.Time // zero: never
	subcode   int       // why it is not valid any more
	developer bool
}

func newFacebook(t testing.TB) *fakeFacebook {
	f := &fakeFacebook{tokens: map[string]fbToken{}, apps: map[string]string{"1001": "facebooksecret", "1002": "another"}}
	f.online = newOnline(t, facebook, f.answers)
	return f
}

func (f *fakeFacebook) issue(token string, is fbToken) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tokens[token] = is
}

// oauthException is how it refuses; its messages may quote the token.
func oauthException(message string, code, subcode int) http.HandlerFunc {
	e := map[string]any{"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "H2il2t5bn4e"}
	if subcode != 0 {
		e["error_subcode"] = subcode
	}
	return says(400, text(map[string]any{"error": e}))
}

// invalid is why a token doesn't work; nil if it does.
func (f *fakeFacebook) invalid(token string) http.HandlerFunc {
	is, ok := f.tokens[token]
	switch {
	case !ok:
		return oauthException("Malformed access token "+token, 190, 0)
	case is.subcode != 0:
		return oauthException("Error validating access token: The session was invalidated", 190, is.subcode)
	case !is.expires.IsZero() && !f.clock.now().Before(is.expires):
		return oauthException("Error validating access token: Session has expired on Wednesday, 14-Feb-18 18:00:00 PST. "+
			"The current time is Thursday, 15-Feb-18 13:46:35 PST.", 190, 463)
	}
	return nil
}

func (f *fakeFacebook) answers(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	asking := r.URL.Query().Get("access_token")
	app, secret, isApp := strings.Cut(asking, "|")
	if isApp && (secret == "" || f.apps[app] != secret) {
		oauthException("Error validating application. Invalid application secret "+secret, 101, 0)(w, r)
		return
	}
	if refused := f.invalid(asking); !isApp && refused != nil {
		refused(w, r)
		return
	}
	asker := f.tokens[asking]
	if !isApp {
		app = asker.app
	}
	switch r.URL.Path {
	case "/debug_token":
		if f.strict && !isApp && !asker.developer {
			oauthException("(#100) You must provide an app access token, or a user access token that is an owner or developer of the app", 100, 0)(w, r)
			return
		}
		f.inspect(app, r.URL.Query().Get("input_token"))(w, r)
	case "/app":
		says(200, fmt.Sprintf(`{"id":%q}`, app))(w, r)
	case "/me":
		if asker.kind == "PAGE" && strings.Contains(r.URL.Query().Get("fields"), "first_name") {
			oauthException("(#100) Tried accessing nonexisting field (first_name) on node type (Page)", 100, 0)(w, r)
			return
		}
		says(200, fmt.Sprintf(`{"id":%q,"first_name":"Ann"}`, asker.user))(w, r)
	default:
		oauthException("Unknown path components: "+r.URL.Path, 2500, 0)(w, r)
	}
}

func (f *fakeFacebook) inspect(viewer, token string) http.HandlerFunc {
	is, known := f.tokens[token]
	if !known {
		return says(200, `{"data":{"error":{"code":190,"message":"Malformed access token `+token+`"},"is_valid":false,"scopes":[]}}`)
	}
	if is.app != viewer {
		return oauthException("(#100) The App_id in the input_token did not match the Viewing App", 100, 0)
	}
	data := map[string]any{
		"app_id": is.app, "type": is.kind, "application": "Social Cafe", "user_id": is.user, "is_valid": true, "expires_at": 0,
		"data_access_expires_at": 1576687825, "scopes": []string{"email", "public_profile"},
	}
	if is.kind == "" {
		data["type"] = "USER"
	}
	if !is.expires.IsZero() {
		data["expires_at"] = is.expires.Unix()
	}
	if f.invalid(token) != nil {
		subcode := is.subcode
		if subcode == 0 {
			subcode = 463
		}
		data["is_valid"] = false
		data["error"] = map[string]any{"code": 190, "subcode": subcode, "message": "Error validating access token " + token}
	}
	return says(200, text(map[string]any{"data": data}))
}

// The ways in which a token's app, or the token, may ask.
var waysOfFacebook = map[string]func(f *fakeFacebook, s *Setting){
	"the token itself":        func(*fakeFacebook, *Setting) {},
	"the token, step by step": func(f *fakeFacebook, _ *Setting) { f.strict = true },
	"the app, with its secret": func(f *fakeFacebook, s *Setting) {
		f.strict = true
		s.Secrets = map[string]string{"1001": "facebooksecret"}
	},
}

func TestFacebook(t *testing.T) {
	for way, prepare := range waysOfFacebook {
		f := newFacebook(t)
		v := f.verifier()
		s := v.Settings[facebook]
		prepare(f, &s)
		v.Settings[facebook] = s
		later := f.clock.now().Add(time.Hour)
		const page = "EAAGpage"
		for token, is := range map[string]fbToken{
			"EAAGone":      {app: "1001", user: "55501", expires: later},
			"EAAGtwo":      {app: "1001", user: "55502", expires: later},
			"EAAGforever":  {app: "1001", user: "55503"},
			"EAAGodd+&=%":  {app: "1001", user: "55504"},
			"EAAGother":    {app: "1002", user: "55501", expires: later},
			"EAAGold":      {app: "1001", user: "55501", expires: f.clock.now()},
			"EAAGpassword": {app: "1001", user: "55501", expires: later, subcode: 460},
			"EAAGremoved":  {app: "1001", user: "55501", expires: later, subcode: 458},
			"EAAGlogout":   {app: "1001", user: "55501", expires: later, subcode: 467},
			page:           {app: "1001", user: "66601", kind: "PAGE", developer: true},
		} {
			f.issue(token, is)
		}
		if way != "the token itself" { // who inspects pages
			f.issue(page, fbToken{app: "1001", user: "66601", kind: "PAGE"})
		}
		for token, expected := range map[string]string{
			"EAAGone":                      "55501",
			"EAAGtwo":                      "55502",
			"EAAGforever":                  "55503",
			"EAAGodd+&=%":                  "55504",
			"EAAGother":                    notSupported,
			"EAAGold":                      isExpired,
			"EAAGpassword":                 notAccepted,
			"EAAGremoved":                  notAccepted,
			"EAAGlogout":                   notAccepted,
			page:                           notAccepted,
			"EAAGunknown":                  notAccepted,
			"1001|guess":                   notAccepted,
			"EAAGone&access_token=EAAGtwo": notAccepted,
		} {
			c, got := login(t, f.online, v, "1001", token, token, "facebooksecret")
			if c != nil {
				got = c.Subject
			}
			want(t, way+": "+token, got, expected)
		}
	}
}

// An app's own token and its secret are no login.
func TestFacebookAppTokens(t *testing.T) {
	for way, prepare := range waysOfFacebook {
		f := newFacebook(t)
		v := f.verifier()
		s := v.Settings[facebook]
		prepare(f, &s)
		v.Settings[facebook] = s
		if _, got := login(t, f.online, v, "1001", "1001|facebooksecret"); got == "ok" {
			t.Error(way)
		}
	}
}

func TestFacebookRequests(t *testing.T) {
	for way, requests := range map[string]int64{"the token itself": 1, "the token, step by step": 3, "the app, with its secret": 1} {
		f := newFacebook(t)
		v := f.verifier()
		s := v.Settings[facebook]
		waysOfFacebook[way](f, &s)
		v.Settings[facebook] = s
		f.issue("EAAGone", fbToken{app: "1001", user: "55501", expires: f.clock.now().Add(time.Hour)})
		for range 3 {
			_, got := login(t, f.online, v, "1001", "EAAGone")
			want(t, way, got, "ok")
		}
		want(t, way+": requests", f.asked.Load(), requests)
	}
}

// Facebook's refusals that say nothing of the token.
func TestFacebookRefusals(t *testing.T) {
	rows := []struct {
		what   string
		secret string
		answer http.HandlerFunc
		want   string
	}{
		{"unknown error", "", oauthException("An unknown error has occurred.", 1, 0), "unavailable"},
		{"service", "", oauthException("Service temporarily unavailable", 2, 0), "unavailable"},
		{"app limit", "", oauthException("(#4) Application request limit reached", 4, 0), "unavailable"},
		{"user limit", "", oauthException("(#17) User request limit reached", 17, 0), "unavailable"},
		{"app limit, temporary", "", oauthException("Application limit reached", 341, 0), "unavailable"},
		{"says it passes", "", says(400, `{"error":{"message":"x","code":190,"is_transient":true}}`), "unavailable"},
		{"no permission at all", "", oauthException("(#200) Permission error", 200, 0), notAccepted},
		{"session", "", oauthException("Session key invalid", 102, 0), notAccepted},
		{"session expired", "", oauthException("Session has expired", 102, 463), isExpired},
		{"as 401", "", says(401, `{"error":{"message":"x","type":"OAuthException","code":190}}`), notAccepted},
		{"no code", "", says(400, `{"error":{"message":"x"}}`), "unavailable"},
		{"secret wrong", "wrong", oauthException("Error validating application. Invalid application secret wrong", 101, 0), "unavailable"},
		{"secret reset", "wrong", oauthException("Invalid OAuth access token signature.", 190, 0), "unavailable"},
		{"another app's token", "right", oauthException("(#100) The App_id in the input_token did not match the Viewing App", 100, 0), notSupported},
	}
	for _, row := range rows {
		o := newOnline(t, facebook, row.answer)
		v := o.verifier()
		v.Settings[facebook] = Setting{Endpoint: o.URL, Secrets: map[string]string{"1001": row.secret}}
		_, got := login(t, o, v, "1001", "EAAGsome", "EAAGsome", "1001|wrong", "wrong|")
		want(t, row.what, got, row.want)
	}
}

func TestFacebookAnswers(t *testing.T) {
	const good = `"app_id":"1001","type":"USER","is_valid":true,"user_id":"55501","expires_at":0`
	rows := []struct{ what, data, want string }{
		{"good", good, "ok"},
		{"numbers, as of old", `"app_id":1001,"type":"USER","is_valid":true,"user_id":55501,"expires_at":1999999999`, "ok"},
		{"no app", `"type":"USER","is_valid":true,"user_id":"55501","expires_at":0`, "unavailable"},
		{"another app", `"app_id":"1002","type":"USER","is_valid":true,"user_id":"55501","expires_at":0`, notSupported},
		{"app of 1001.0", `"app_id":1001.0,"type":"USER","is_valid":true,"user_id":"55501","expires_at":0`, notSupported},
		{"no type", `"app_id":"1001","is_valid":true,"user_id":"55501","expires_at":0`, notAccepted},
		{"a page", `"app_id":"1001","type":"PAGE","is_valid":true,"user_id":"55501","expires_at":0`, notAccepted},
		{"an app", `"app_id":"1001","type":"APP","is_valid":true,"expires_at":0`, notAccepted},
		{"no user", `"app_id":"1001","type":"USER","is_valid":true,"expires_at":0`, "unavailable"},
		{"user null", `"app_id":"1001","type":"USER","is_valid":true,"user_id":null,"expires_at":0`, "unavailable"},
		{"user empty", `"app_id":"1001","type":"USER","is_valid":true,"user_id":"","expires_at":0`, "unavailable"},
		{"user of letters", `"app_id":"1001","type":"USER","is_valid":true,"user_id":"me","expires_at":0`, "unavailable"},
		{"user too long", `"app_id":"1001","type":"USER","is_valid":true,"user_id":"` + strings.Repeat("1", 33) + `"`, "unavailable"},
		{"not valid", `"app_id":"1001","type":"USER","is_valid":false,"user_id":"55501","expires_at":0`, notAccepted},
		{"validity not told", `"app_id":"1001","type":"USER","user_id":"55501","expires_at":0`, notAccepted},
		{"not valid, ended", `"app_id":"1001","type":"USER","is_valid":false,"user_id":"55501","expires_at":1400000000`, isExpired},
		{"valid, they say, but ended", `"app_id":"1001","type":"USER","is_valid":true,"user_id":"55501","expires_at":1400000000`, isExpired},
		{"end before time", `"app_id":"1001","type":"USER","is_valid":true,"user_id":"55501","expires_at":-1`, isExpired},
		{"end in milliseconds", `"app_id":"1001","type":"USER","is_valid":true,"user_id":"55501","expires_at":1999999999000`, "unavailable"},
	}
	for _, row := range rows {
		o := newOnline(t, facebook, says(200, `{"data":{`+row.data+`}}`))
		_, got := login(t, o, o.verifier(), "1001", "EAAGsome")
		want(t, row.what, got, row.want)
	}
}

// The end that Facebook tells is the token's; one that never ends counts as long as the answer.
func TestFacebookExpires(t *testing.T) {
	f := newFacebook(t)
	v := f.verifier()
	now := f.clock.now()
	f.issue("EAAGone", fbToken{app: "1001", user: "55501", expires: now.Add(time.Minute)})
	f.issue("EAAGforever", fbToken{app: "1001", user: "55501"})
	c, _ := login(t, f.online, v, "1001", "EAAGone")
	want(t, "an end", c.Expires.Equal(now.Add(time.Minute)), true)
	c, _ = login(t, f.online, v, "1001", "EAAGforever")
	want(t, "no end", c.Expires.Equal(now.Add(tokenLife)), true)
	f.clock.add(time.Minute)
	_, got := login(t, f.online, v, "1001", "EAAGone")
	want(t, "at the end", got, isExpired)
}

func TestLimitedLogin(t *testing.T) {
	keys, err := json.Marshal(map[string]any{"keys": []any{rsaA().jwk()}})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	o := newOnline(t, facebook, func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.Path)
		w.Write(keys)
	})
	now := o.clock.now().Unix()
	token := func(pairs ...any) string {
		return rsaA().sign(edit(map[string]any{
			"iss": "https://www.facebook.com", "aud": "1001", "sub": "55501", "iat": now, "exp": now + 3600, "jti": "x", "nonce": "y",
			"email": "ann@example.com", "name": "Ann",
		}, pairs...))
	}
	off, on := o.verifier(), o.verifier()
	on.Settings[facebook] = Setting{Endpoint: o.URL, LimitedLogin: true}
	_, got := login(t, o, off, "1001", token())
	want(t, "off", got, notAccepted)
	want(t, "off, requests", o.asked.Load(), 0)

	late := fmt.Sprintf(expired, now, now-3600)
	rows := []struct{ what, token, want string }{
		{"good", token(), "ok"},
		{"new issuer", token("iss", "https://limited.facebook.com"), "ok"},
		{"another app", token("aud", "1002"), notSupported},
		{"expired", token("exp", now-3600), late},
		{"another issuer", token("iss", "https://evil.example"), wrongIssuer},
		{"graph", token("iss", "https://graph.facebook.com"), wrongIssuer},
		{"not signed", unsignedToken(token()), notOpenID},
		{"another key", rsaB().as("a").sign(map[string]any{"iss": "https://www.facebook.com", "aud": "1001", "sub": "1", "exp": now + 60}), badSignature},
		{"three parts of nothing", "a.b.c", notOpenID},
	}
	for _, row := range rows {
		c, got := login(t, o, on, "1001", row.token, row.token)
		want(t, row.what, got, row.want)
		if c != nil {
			want(t, row.what+": claims", string(c.Raw), `{"aud":"1001","iss":"graph.facebook.com","sub":"55501"}`)
			want(t, row.what+": issuer", c.Issuer, facebook)
			want(t, row.what+": end", c.Expires.Unix(), now+3600)
		}
	}
	for _, path := range paths {
		want(t, "path", path, "/.well-known/oauth/openid/jwks/")
	}
}

// unsignedToken is a token with alg none and its signature taken off.
func unsignedToken(token string) string {
	parts := strings.Split(token, ".")
	return b64(`{"alg":"none"}`) + "." + parts[1] + "."
}

func TestFacebookSettings(t *testing.T) {
	secrets := func(app, secret string) Setting { return Setting{Secrets: map[string]string{app: secret}} }
	rows := []struct {
		what, name string
		s          Setting
		want       bool
	}{
		{"a secret", facebook, secrets("1001", "0123456789abcdef"), true},
		{"Limited Login", facebook, Setting{LimitedLogin: true}, true},
		{"another's", amazon, secrets("1001", "0123456789abcdef"), false},
		{"another's Limited Login", amazon, Setting{LimitedLogin: true}, false},
		{"of a user pool", testPool, secrets("1001", "0123456789abcdef"), false},
		{"no app id", facebook, secrets("my app", "0123456789abcdef"), false},
		{"empty", facebook, secrets("1001", ""), false},
		{"with a newline", facebook, secrets("1001", "0123456789abcdef\n"), false},
		{"all may be elsewhere", twitter, Setting{Endpoint: "http://localhost:5000/twitter"}, true},
		{"Digits too", digits, Setting{Endpoint: "http://localhost:5000"}, true},
		{"issuer", twitter, Setting{Endpoint: "http://localhost:5000", Issuer: "https://x"}, false},
	}
	for _, row := range rows {
		err := Settings{row.name: row.s}.Validate()
		want(t, row.what, err == nil, row.want)
		if err != nil && strings.Contains(err.Error(), "0123456789abcdef") {
			t.Errorf("%s: %v", row.what, err)
		}
	}
}
