package cognito_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"idpool/pooltest"
	"idpool/provider"
	"idpool/server"
)

// dead is a provider that takes connections and never answers, until it is told to hang up.
type dead struct {
	*httptest.Server
	asked       chan struct{} // one for each request that it lets hang
	hanging     atomic.Int64  // requests, now
	connections atomic.Int64  // ever made
	gate        chan struct{}
}

func newDead(t *testing.T) *dead {
	t.Helper()
	d := &dead{asked: make(chan struct{}, 1000), gate: make(chan struct{})}
	d.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		d.hanging.Add(1)
		defer d.hanging.Add(-1)
		d.asked <- struct{}{}
		select {
		case <-d.gate:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	}))
	d.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			d.connections.Add(1)
		}
	}
	d.Start()
	t.Cleanup(d.Close)
	t.Cleanup(d.hangUp)
	return d
}

// await waits until so many requests hang, unless all calls are done before.
func (d *dead) await(t *testing.T, requests int, done <-chan struct{}) {
	t.Helper()
	for range requests {
		select {
		case <-d.asked:
		case <-done:
			t.Fatal("a dead provider was not asked before the calls for others had ended")
		}
	}
}

// hangUp ends every request, those to come as well.
func (d *dead) hangUp() {
	select {
	case <-d.gate:
	default:
		close(d.gate)
	}
}

// mourners is a node whose pool trusts dead providers and living ones, of both ways to verify a login.
type mourners struct {
	*front
	keys, pool, app *dead  // an OpenID provider, a user pool, Facebook
	amazon          *asked // alive, as is the first OpenID provider
}

func startMourning(t *testing.T) *mourners {
	t.Helper()
	m := &mourners{keys: newDead(t), pool: newDead(t), app: newDead(t), amazon: newAmazon(t)}
	m.front = startAlone(t, func(c *server.Config) {
		c.Providers = provider.Settings{
			userPool: {Endpoint: m.pool.URL}, facebook: {Endpoint: m.app.URL}, amazon: {Endpoint: m.amazon.URL},
		}
	})
	m.IAM(t, "CreateOpenIDConnectProvider", "Url", m.keys.URL, "ClientIDList.member.1", "app").Must(t)
	m.update(t, m.front.pool, pooltest.Object{
		"OpenIdConnectProviderARNs": []string{m.idp.ARN(pooltest.Account), "arn:aws:iam::" + pooltest.Account + ":oidc-provider/" + m.deadName()},
		"CognitoIdentityProviders":  []pooltest.Object{{"ProviderName": userPool, "ClientId": "app"}},
		"SupportedLoginProviders":   pooltest.Object{facebook: "7", amazon: amazonApp},
	})
	return m
}

func (m *mourners) deadName() string { return strings.TrimPrefix(m.keys.URL, "http://") }

// lost are logins of the dead providers, n of each.
func (m *mourners) lost(n int) (logins []pooltest.Object) {
	for i := range n {
		claims := edit(m.idp.Claims("app", fmt.Sprint("user ", i)), "token_use", "id")
		logins = append(logins,
			pooltest.Object{m.deadName(): m.idp.Sign(edit(claims, "iss", m.keys.URL))},
			pooltest.Object{userPool: m.idp.Sign(edit(claims, "iss", "https://"+userPool))},
			pooltest.Object{facebook: fmt.Sprint("EAAG", i)})
	}
	return logins
}

// living are logins of the living ones.
func (m *mourners) living(n int) (logins []pooltest.Object) {
	for i := range n {
		token := fmt.Sprint("Atza|", i)
		m.amazon.of(token, says(200, tokenInfo(fmt.Sprintf(`"user_id":"amzn1.account.%d"`, i))))
		logins = append(logins, m.logins(fmt.Sprint("living ", i)), pooltest.Object{amazon: token})
	}
	return logins
}

// signIn calls GetId with each of the logins, some at a time, and hands on the answers' codes.
func (m *mourners) signIn(t *testing.T, logins []pooltest.Object, atOnce int, answer func(code string)) (wait func()) {
	todo := make(chan pooltest.Object, len(logins))
	for _, l := range logins {
		todo <- l
	}
	close(todo)
	var calls sync.WaitGroup
	for range atOnce {
		calls.Go(func() {
			for l := range todo {
				answer(m.Public(t, "GetId", pooltest.Object{"IdentityPoolId": m.front.pool, "Logins": l}).Code())
			}
		})
	}
	return calls.Wait
}

// Dead providers cost others nothing. 48 calls for three of them hang; meanwhile 100 sign-ins by others, whose keys are not
// known yet, are all done, and not one of those calls has ended: so none has waited for them. After five failures in a row
// the dead are left alone: not a connection more is made.
func TestDeadProvidersCostOthersNothing(t *testing.T) {
	// A call for a dead provider ends after four seconds by the real clock. Where a machine is so busy that the sign-ins take
	// longer, nothing is shown, and it is tried again.
	const tries = 5
	for try := 1; ; try++ {
		m := startMourning(t)
		if m.signInMeanwhile(t) {
			m.leaveAlone(t)
			return
		}
		m.Stop()
		if try == tries {
			t.Fatalf("%d times, sign-ins by living providers ended only after calls for the dead ones", tries)
		}
	}
}

// signInMeanwhile tells whether all sign-ins by the living have ended before any call for the dead did.
func (m *mourners) signInMeanwhile(t *testing.T) bool {
	const calls = 16 // for each of the dead
	lost, living := m.lost(calls), m.living(50)
	var ended atomic.Int64
	wait := m.signIn(t, lost, len(lost), func(code string) {
		ended.Add(1)
		if code != "ExternalServiceException" {
			t.Errorf("a login of a dead provider: %q", code)
		}
	})
	done := make(chan struct{})
	go func() { wait(); close(done) }()
	m.app.await(t, calls, done) // each is a request
	m.keys.await(t, 1, done)    // all who need keys wait for one
	m.pool.await(t, 1, done)
	m.signIn(t, living, 8, func(code string) {
		if code != "" {
			t.Errorf("a login of a living provider: %s", code)
		}
	})()
	meanwhile := ended.Load() == 0
	if hanging := m.app.hanging.Load(); meanwhile && hanging != calls {
		t.Errorf("%d requests hang, want %d", hanging, calls)
	}
	if fetches := m.idp.Fetches.Load(); fetches != 2 {
		t.Errorf("%d requests for the living provider's keys, want 2", fetches)
	}
	for _, d := range []*dead{m.keys, m.pool, m.app} {
		d.hangUp()
	}
	<-done
	if n := ended.Load(); n != int64(len(lost)) {
		t.Errorf("%d calls ended, of %d", n, len(lost))
	}
	return meanwhile
}

// leaveAlone checks that nobody asks the dead any more, and that others go on.
func (m *mourners) leaveAlone(t *testing.T) {
	all := []*dead{m.keys, m.pool, m.app}
	var before, after int64
	for _, d := range all {
		before += d.connections.Load()
	}
	m.signIn(t, m.lost(20), 8, func(code string) {
		if code != "ExternalServiceException" {
			t.Errorf("a login of a provider that is left alone: %q", code)
		}
	})()
	for _, d := range all {
		after += d.connections.Load()
	}
	if after != before {
		t.Errorf("%d connections were made to providers that are left alone", after-before)
	}
	m.signIn(t, []pooltest.Object{m.logins("late"), m.living(1)[1]}, 1, func(code string) {
		if code != "" {
			t.Errorf("a login of a living provider: %s", code)
		}
	})()
}
