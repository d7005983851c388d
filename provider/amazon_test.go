package provider

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// fakeAmazon answers as Login with Amazon does (developer guide for websites; its answers as published by users).
type fakeAmazon struct {
	*online
	mu     sync.Mutex
	tokens map[string]lwaToken
}

type lwaToken struct {
	client, user string
	expires      time.Time
}

func newAmazon(t testing.TB) *fakeAmazon {
	a := &fakeAmazon{tokens: map[string]lwaToken{}}
	a.online = newOnline(t, amazon, a.answers)
	return a
}

func (a *fakeAmazon) issue(token string, is lwaToken) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tokens[token] = is
}

func (a *fakeAmazon) revoke(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.tokens, token)
}

func (a *fakeAmazon) answers(w http.ResponseWriter, r *http.Request) {
	if r.Method != "GET" || r.URL.Path != "/auth/o2/tokeninfo" {
		says(404, "")(w, r)
		return
	}
	token := r.URL.Query().Get("access_token")
	a.mu.Lock()
	is, ok := a.tokens[token]
	a.mu.Unlock()
	left := int(is.expires.Sub(a.clock.now()).Seconds())
	switch {
	case token == "":
		says(400, `{"error":"invalid_request","error_description":"The request is missing a required parameter : access_token"}`)(w, r)
	case !ok || left <= 0:
		says(400, `{"error":"invalid_token","error_description":"The request has an invalid parameter : access_token `+token+`"}`)(w, r)
	default:
		says(200, fmt.Sprintf(`{"aud":%q,"user_id":%q,"iss":"https://www.amazon.com","exp":%d,"app_id":"amzn1.application.app","iat":%d}`,
			is.client, is.user, left, is.expires.Add(-time.Hour).Unix()))(w, r)
	}
}

func TestAmazon(t *testing.T) {
	const app = "amzn1.application-oa2-client.one"
	a := newAmazon(t)
	now := a.clock.now()
	a.issue("Atza|one", lwaToken{app, "amzn1.account.ONE", now.Add(time.Hour)})
	a.issue("Atza|two", lwaToken{app, "amzn1.account.TWO", now.Add(time.Hour)})
	a.issue("Atza|old", lwaToken{app, "amzn1.account.ONE", now.Add(-time.Second)})
	a.issue("Atza|other", lwaToken{"amzn1.application-oa2-client.other", "amzn1.account.ONE", now.Add(time.Hour)})
	a.issue("Atza|+&=%", lwaToken{app, "amzn1.account.ODD", now.Add(time.Hour)})
	a.issue("Atza|byApp", lwaToken{"amzn1.application.app", "amzn1.account.ONE", now.Add(time.Hour)})
	rows := []struct{ token, want string }{
		{"Atza|one", "amzn1.account.ONE"},
		{"Atza|two", "amzn1.account.TWO"},
		{"Atza|+&=%", "amzn1.account.ODD"},
		{"Atza|old", notAccepted},
		{"Atza|other", notSupported},
		{"Atza|byApp", notSupported},
		{"Atzr|refresh", notAccepted},
		{"Atza|one&access_token=Atza|two", notAccepted},
	}
	v := a.verifier()
	for _, row := range rows {
		c, got := login(t, a.online, v, app, row.token, row.token)
		if c != nil {
			got = c.Subject
		}
		want(t, row.token, got, row.want)
	}
	want(t, "requests", a.asked.Load(), int64(len(rows)))

	// What was revoked is taken until the answer is five minutes old.
	a.revoke("Atza|one")
	a.clock.add(tokenLife - 1)
	_, got := login(t, a.online, v, app, "Atza|one")
	want(t, "revoked", got, "ok")
	a.clock.add(1)
	_, got = login(t, a.online, v, app, "Atza|one")
	want(t, "revoked, asked again", got, notAccepted)
}

// No answer outlives its token.
func TestAmazonExpires(t *testing.T) {
	const app = "amzn1.application-oa2-client.one"
	a := newAmazon(t)
	end := a.clock.now().Add(90 * time.Second)
	a.issue("Atza|one", lwaToken{app, "amzn1.account.ONE", end})
	v := a.verifier()
	c, got := login(t, a.online, v, app, "Atza|one")
	want(t, "now", got, "ok")
	want(t, "expires", c.Expires.Equal(end), true)
	a.clock.add(90*time.Second - 1)
	_, got = login(t, a.online, v, app, "Atza|one")
	want(t, "a moment before the end", got, "ok")
	want(t, "requests", a.asked.Load(), 1)
	a.clock.add(1)
	_, got = login(t, a.online, v, app, "Atza|one")
	want(t, "at the end", got, notAccepted)
	want(t, "requests", a.asked.Load(), 2)
}

func TestAmazonAnswers(t *testing.T) {
	rows := []struct{ what, body, want string }{
		{"good", `{"aud":"app","user_id":"amzn1.account.ONE","exp":3597}`, "ok"},
		{"no time left", `{"aud":"app","user_id":"amzn1.account.ONE","exp":0}`, isExpired},
		{"less than none", `{"aud":"app","user_id":"amzn1.account.ONE","exp":-5}`, isExpired},
		{"expired, of another app", `{"aud":"other","user_id":"amzn1.account.ONE","exp":0}`, notSupported},
		{"no exp", `{"aud":"app","user_id":"amzn1.account.ONE"}`, "unavailable"},
		{"exp null", `{"aud":"app","user_id":"amzn1.account.ONE","exp":null}`, "unavailable"},
		{"no aud", `{"user_id":"amzn1.account.ONE","exp":3597}`, "unavailable"},
		{"no user", `{"aud":"app","exp":3597}`, "unavailable"},
		{"user with a newline", `{"aud":"app","user_id":"a\nb","exp":3597}`, "unavailable"},
		{"aud in other letters", `{"aud":"APP","user_id":"amzn1.account.ONE","exp":3597}`, notSupported},
		{"AUD", `{"AUD":"app","user_id":"amzn1.account.ONE","exp":3597}`, "unavailable"},
	}
	for _, row := range rows {
		o := newOnline(t, amazon, says(200, row.body))
		_, got := login(t, o, o.verifier(), "app", "Atza|x")
		want(t, row.what, got, row.want)
	}
}
