package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// asked is a kind of provider that is asked online, with a fake of it and a login that it vouches for.
type asked struct {
	*online
	app, login string
	subject    string
	secrets    []string // which stay out of texts and logs
	perLogin   int64    // requests
}

// allAsked are all of them, each with its own fake.
func allAsked(t testing.TB) []*asked {
	f, a, tw := newFacebook(t), newAmazon(t), newTwitter(t)
	f.issue("EAAGgood", fbToken{app: "1001", user: "55501", expires: f.clock.now().Add(time.Hour)})
	a.issue("Atza|good", lwaToken{client: "amzn1.application-oa2-client.one", user: "amzn1.account.ONE", expires: f.clock.now().Add(time.Hour)})
	tw.issue("777-good", "goodsecret", "777")
	return []*asked{
		{f.online, "1001", "EAAGgood", "55501", []string{"EAAGgood", "facebooksecret"}, 1},
		{a.online, "amzn1.application-oa2-client.one", "Atza|good", "amzn1.account.ONE", []string{"Atza|good"}, 1},
		{tw.online, "twkey;twsecret", "777-good;goodsecret", "777", []string{"777-good", "goodsecret", "twsecret"}, 1},
	}
}

// login is a call of Social. It fails the test where an error or the log tells a secret.
func login(t testing.TB, o *online, v *Verifier, app, token string, secrets ...string) (*Claims, string) {
	t.Helper()
	claims, err := v.Social(t.Context(), o.name, app, token)
	told := texts(err) + o.log.String()
	for _, secret := range secrets {
		if secret != "" && strings.Contains(told, secret) {
			t.Errorf("%s: told %q:\n%s", o.name, secret, told)
		}
	}
	return claims, outcome(err)
}

func (k *asked) try(t testing.TB, v *Verifier) string {
	t.Helper()
	_, got := login(t, k.online, v, k.app, k.login, k.secrets...)
	return got
}

func TestClaimsOfAskedProviders(t *testing.T) {
	rows := map[string]string{
		facebook: `{"aud":"1001","iss":"graph.facebook.com","sub":"55501"}`,
		amazon:   `{"aud":"amzn1.application-oa2-client.one","iss":"www.amazon.com","sub":"amzn1.account.ONE","user_id":"amzn1.account.ONE"}`,
		twitter:  `{"aud":"twkey","iss":"api.twitter.com","sub":"777"}`,
	}
	for _, k := range allAsked(t) {
		c, got := login(t, k.online, k.verifier(), k.app, k.login, k.secrets...)
		want(t, k.name, got, "ok")
		want(t, k.name+": raw", string(c.Raw), rows[k.name])
		want(t, k.name+": subject", c.Subject, k.subject)
		want(t, k.name+": issuer", c.Issuer, k.name)
		aud, _, _ := strings.Cut(k.app, ";")
		want(t, k.name+": audience", fmt.Sprint(c.Audience), fmt.Sprint([]string{aud}))
		sub, _ := c.Claim("sub")
		want(t, k.name+": sub", sub, any(k.subject))
	}
}

// Whatever a provider in trouble answers, nobody is let in, nobody is told that his token is bad, and nothing is kept of it.
func TestProvidersInTrouble(t *testing.T) {
	troubles := map[string]http.HandlerFunc{
		"500":              says(500, `{"error":{"message":"An unknown error has occurred.","type":"OAuthException","code":1}}`),
		"502":              says(502, "<html>Bad gateway</html>"),
		"503":              says(503, `{"errors":[{"code":130,"message":"Over capacity"}]}`),
		"429":              says(429, `{"errors":[{"code":88,"message":"Rate limit exceeded"}]}`),
		"404":              says(404, "404 page not found"),
		"410":              says(410, ""),
		"204":              says(204, ""),
		"201":              says(201, `{"id_str":"777"}`),
		"redirect":         http.RedirectHandler("/elsewhere", http.StatusFound).ServeHTTP,
		"hangs up":         hangsUp,
		"huge":             says(200, `{"x":"`+strings.Repeat("x", 70_000)+`"}`),
		"empty":            says(200, ""),
		"empty object":     says(200, "{}"),
		"null":             says(200, "null"),
		"array":            says(200, "[{}]"),
		"string":           says(200, `"yes"`),
		"garbage":          says(200, "<html>Log in to the hotel's network</html>"),
		"garbage refusing": says(400, "<html>Bad request</html>"),
		"cut off":          says(200, `{"data":{"app_id":"1001","is_valid":true,"user_id":"55501","ty`),
		"two documents":    says(200, `{"id_str":"777"}{"id_str":"778"}`),
		"twice":            says(200, `{"id_str":"777","id_str":"777","aud":"a","aud":"a","data":{},"data":{}}`),
		"wrong types":      says(200, `{"id_str":{},"aud":["amzn1.application-oa2-client.one"],"user_id":1,"exp":"soon","data":[]}`),
		"no UTF-8":         says(200, "{\"id_str\":\"7\xff7\",\"aud\":\"\xff\",\"data\":{\"type\":\"\xff\"}}"),
	}
	for what, answer := range troubles {
		for _, k := range allAsked(t) {
			good := k.online.answer
			k.does(answer)
			v := k.verifier()
			got := k.try(t, v)
			if what == "garbage refusing" && k.name == amazon { // whose statuses alone tell
				want(t, k.name+", "+what, got, notAccepted)
			} else {
				want(t, k.name+", "+what, got, "unavailable")
			}
			want(t, k.name+", "+what+", requests", k.asked.Load(), 1)
			k.does(good)
			want(t, k.name+" after "+what, k.try(t, v), "ok")
		}
	}
}

func TestProvidersThatHang(t *testing.T) {
	for _, k := range allAsked(t) {
		k.hangs(t)
		v := k.verifier()
		v.Timeout = 20 * time.Millisecond
		want(t, k.name, k.try(t, v), "unavailable")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := v.Social(ctx, k.name, k.app, k.login)
		want(t, k.name+", caller left", errors.Is(err, context.Canceled), true)
	}
}

// A provider that is down is asked five times and then not, for ten seconds; others go on.
func TestProvidersThatAreDown(t *testing.T) {
	all := allAsked(t)
	v := all[0].verifier()
	for _, k := range all {
		v.Settings[k.name] = Setting{Endpoint: k.URL}
	}
	down := all[0]
	good := down.online.answer
	down.does(says(503, ""))
	for range 20 {
		want(t, down.name, down.try(t, v), "unavailable")
	}
	want(t, "requests", down.asked.Load(), maxFailures)
	for _, k := range all[1:] {
		want(t, k.name, k.try(t, v), "ok")
	}
	down.does(good)
	down.clock.add(pause - 1)
	want(t, down.name, down.try(t, v), "unavailable")
	down.clock.add(1)
	want(t, down.name, down.try(t, v), "ok")
	want(t, "requests", down.asked.Load(), maxFailures+1)
}

// A good answer counts for five minutes, for the same app and the same login.
func TestAnswersAreKept(t *testing.T) {
	for _, k := range allAsked(t) {
		v := k.verifier()
		for range 3 {
			want(t, k.name, k.try(t, v), "ok")
		}
		want(t, k.name+": requests", k.asked.Load(), k.perLogin)
		k.clock.add(tokenLife - 1)
		want(t, k.name, k.try(t, v), "ok")
		want(t, k.name+": requests before five minutes", k.asked.Load(), k.perLogin)
		k.clock.add(1)
		want(t, k.name, k.try(t, v), "ok")
		want(t, k.name+": requests after five minutes", k.asked.Load(), 2*k.perLogin)

		// For another app it is another question, with another answer.
		_, got := login(t, k.online, v, "other;secret", k.login, k.secrets...)
		want(t, k.name+", another app", got != "ok", true)
		want(t, k.name+": requests", k.asked.Load(), 3*k.perLogin)
		_, got = login(t, k.online, v, k.app+"x", k.login, k.secrets...)
		want(t, k.name+", almost the app", got != "ok", true)
		_, got = login(t, k.online, v, k.app, k.login+"x", k.secrets...)
		want(t, k.name+", almost the token", got != "ok", true)
		want(t, k.name+": requests", k.asked.Load(), 5*k.perLogin)
	}
}

func TestRefusalsAreNotKept(t *testing.T) {
	for _, k := range allAsked(t) {
		v := k.verifier()
		for range 3 {
			_, got := login(t, k.online, v, k.app, "nobody's;token")
			want(t, k.name, got, notAccepted)
		}
		want(t, k.name+": requests", k.asked.Load(), 3)
	}
}

// What can be no token is refused without asking.
func TestNoTokens(t *testing.T) {
	for _, k := range allAsked(t) {
		v := k.verifier()
		for what, token := range map[string]string{
			"empty": "", "space": "a b", "newline": "Atza|x\n", "NUL": "a\x00;b", "umlaut": "tökén;x", "no UTF-8": "\xff;x",
			"long": strings.Repeat("x", 4000) + ";" + strings.Repeat("x", 96),
		} {
			_, got := login(t, k.online, v, k.app, token)
			want(t, k.name+", "+what, got, notAccepted)
		}
		_, got := login(t, k.online, v, "", k.login)
		want(t, k.name+", no app", got, notSupported)
		want(t, k.name+": requests", k.asked.Load(), 0)
	}
}

// No login that is not the one the provider issued gets in, and none is ever told in an error or in the log.
func TestNoOtherLogin(t *testing.T) {
	all := allAsked(t)
	verifiers := map[*asked]*Verifier{}
	for _, k := range all {
		verifiers[k] = k.verifier()
	}
	rapid.Check(t, func(r *rapid.T) {
		k := rapid.SampledFrom(all).Draw(r, "kind")
		token := rapid.OneOf(
			rapid.StringMatching(`[ -~]{8,40};?[ -~]{8,40}`),
			rapid.Custom(func(r *rapid.T) string { // one byte of the good one changed
				b := []byte(k.login)
				b[rapid.IntRange(0, len(b)-1).Draw(r, "at")] = rapid.ByteRange('!', '~').Draw(r, "byte")
				return string(b)
			}),
		).Draw(r, "token")
		if token == k.login {
			return
		}
		secrets := append([]string{token}, k.secrets...)
		if parts := strings.Split(token, ";"); k.name == twitter && len(parts[len(parts)-1]) >= 8 {
			secrets = append(secrets, parts[len(parts)-1])
		}
		if _, got := login(t, k.online, verifiers[k], k.app, token, secrets...); got == "ok" {
			r.Fatalf("%s took %q", k.name, token)
		}
	})
}

// Answers are strangers' too, where a gateway stands between.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		`{"data":{"app_id":"1001","type":"USER","is_valid":true,"user_id":"55501","expires_at":0}}`,
		`{"data":{"app_id":1001,"is_valid":false,"error":{"code":190,"subcode":463,"message":"expired"}}}`,
		`{"aud":"1001","user_id":"amzn1.account.ONE","exp":3597,"iss":"https://www.amazon.com"}`,
		`{"aud":"1001","user_id":"amzn1.account.ONE","exp":1e300}`,
		`{"id_str":"38895958","id":38895958,"name":"Sean Cook"}`,
		`{"errors":[{"code":89,"message":"Invalid or expired token."}]}`,
		`{"error":{"code":190,"error_subcode":460}}`,
		`{"id":55501}`, `{"data":null}`, `{"data":{"app_id":-0.1e9}}`, "",
	} {
		f.Add([]byte(seed))
	}
	c := newClock()
	v := &Verifier{Now: c.now}
	v.once.Do(v.init)
	f.Fuzz(func(t *testing.T, body []byte) {
		check := func(claims *Claims, err error) {
			var rejected *Rejected
			var unavailable *Unavailable
			switch {
			case err != nil && !errors.As(err, &rejected) && !errors.As(err, &unavailable):
				t.Errorf("%q: %v", body, err)
			case err == nil && (claims.Subject == "" || len(claims.Subject) > maxSubject || claims.Audience[0] != "1001" ||
				!claims.Expires.After(c.now().Add(-1)) || claims.All()["sub"] != claims.Subject):
				t.Errorf("%q: %+v", body, claims)
			}
		}
		var inspection tokenInspection
		if readAnswer(facebook, body, &inspection) == nil {
			check(v.facebookClaims(&inspection, "1001"))
		}
		var info tokenInfo
		if readAnswer(amazon, body, &info) == nil {
			check(v.amazonClaims(&info, "1001", c.now()))
		}
		check(v.twitterClaims(twitter, "1001", body))
		if err := twitterRefusal(twitter, body); err == nil {
			t.Error("no error")
		}
		refusal, err := graphRefusal(body)
		if (refusal == nil) == (err == nil) {
			t.Errorf("%q: %v, %v", body, refusal, err)
		} else if refusal != nil {
			check(nil, refusal.rejected())
		}
	})
}
