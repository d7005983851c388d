package provider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// online is a fake of a provider that is asked online, over plain HTTP on loopback, where only an operator's word leads.
type online struct {
	*httptest.Server
	name  string
	clock *clock
	asked atomic.Int64
	log   *logged // of its verifiers

	mu     sync.Mutex
	answer http.HandlerFunc
	last   *http.Request
}

func newOnline(t testing.TB, name string, answer http.HandlerFunc) *online {
	o := &online{name: name, clock: newClock(), answer: answer, log: new(logged)}
	o.Server = quiet(o)
	o.Start()
	t.Cleanup(o.Close)
	return o
}

func (o *online) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.asked.Add(1)
	o.mu.Lock()
	answer := o.answer
	o.last = r
	o.mu.Unlock()
	answer(w, r)
}

// does replaces what the provider answers.
func (o *online) does(answer http.HandlerFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = answer
}

// hangs lets requests wait until release, and tells of each.
func (o *online) hangs(t testing.TB) (asked chan struct{}, release func()) {
	asked, gate := make(chan struct{}, 1000), make(chan struct{})
	o.does(func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-gate
	})
	release = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(release)
	return asked, release
}

// verifier knows the provider by its settings alone; nothing else on loopback is open to it.
func (o *online) verifier() *Verifier {
	return &Verifier{
		Now: o.clock.now, Settings: Settings{o.name: {Endpoint: o.URL}},
		Log: slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

// logged is what was logged.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// says answers with a status and a body.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func hangsUp(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

// texts are an error's text and those of all its causes.
func texts(err error) string {
	var all []string
	for ; err != nil; err = errors.Unwrap(err) {
		all = append(all, err.Error(), fmt.Sprintf("%#v", err))
	}
	return strings.Join(all, "\n")
}

// call asks once; the answer is its status and body, or why there is none.
func call(ctx context.Context, v *Verifier, name, address string) string {
	r, err := http.NewRequest("GET", address, nil)
	if err != nil {
		return err.Error()
	}
	status, body, err := v.call(ctx, name, r)
	var unavailable *Unavailable
	switch {
	case err == nil:
		return fmt.Sprintf("%d %s", status, body)
	case errors.As(err, &unavailable) && unavailable.Issuer == name:
		return unavailable.Cause.Error()
	}
	return "another error: " + err.Error()
}

func TestCallAnswers(t *testing.T) {
	full, over := strings.Repeat("x", 64<<10), strings.Repeat("x", 64<<10+1)
	rows := []struct {
		what   string
		answer http.HandlerFunc
		want   string
	}{
		{"good", says(200, "yes"), "200 yes"},
		{"empty", says(204, ""), "204 "},
		{"refused", says(400, "no"), "400 no"},
		{"not found", says(404, "no"), "404 no"},
		{"full", says(200, full), "200 " + full},
		{"too long", says(200, over), "its answer is longer than 64 KiB"},
		{"too long and refused", says(401, over), "its answer is longer than 64 KiB"},
		{"redirect", http.RedirectHandler("/other", http.StatusFound).ServeHTTP, "status 302"},
		{"permanent redirect", http.RedirectHandler("/other", http.StatusPermanentRedirect).ServeHTTP, "status 308"},
		{"not modified", says(304, ""), "status 304"},
		{"timeout", says(408, ""), "status 408"},
		{"too many", says(429, "slower"), "status 429"},
		{"broken", says(500, "secret"), "status 500"},
		{"down", says(503, "secret"), "status 503"},
		{"hangs up", hangsUp, "unexpected EOF"},
		{"cut off", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "half")
		}, "unexpected EOF"},
	}
	for _, row := range rows {
		o := newOnline(t, twitter, row.answer)
		want(t, row.what, call(t.Context(), o.verifier(), twitter, o.URL+"/?token=secret"), row.want)
		want(t, row.what+", requests", o.asked.Load(), 1)
		if strings.Contains(o.log.String(), "secret") {
			t.Errorf("%s: logged: %s", row.what, o.log)
		}
	}
}

func TestCallSendsNoCookies(t *testing.T) {
	o := newOnline(t, twitter, func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "1"})
		fmt.Fprint(w, r.Header["Cookie"], r.Header["Accept-Encoding"], r.Header["User-Agent"])
	})
	v := o.verifier()
	for range 2 {
		want(t, "headers", call(t.Context(), v, twitter, o.URL), "200 [] [] [idpool]")
	}
}

func TestCallIgnoresProxies(t *testing.T) {
	proxy := newOnline(t, "proxy", says(200, "proxied"))
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	o := newOnline(t, twitter, says(200, "yes"))
	want(t, "answer", call(t.Context(), o.verifier(), twitter, o.URL), "200 yes")
	want(t, "requests to the proxy", proxy.asked.Load(), 0)
}

// Where calls go is Network's to say, and for hosts that the operator named for a provider the settings'.
func TestCallGoesWhereItMay(t *testing.T) {
	o := newOnline(t, twitter, says(200, "yes"))
	u, err := url.Parse(o.URL)
	if err != nil {
		t.Fatal(err)
	}
	port := u.Port()
	own := func() []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:" + port)} }
	named := func(endpoint string) Settings { return Settings{twitter: {Endpoint: endpoint}} }
	rows := []struct {
		what          string
		v             *Verifier
		name, address string
		want          bool
	}{
		{"named", &Verifier{Settings: named(o.URL)}, twitter, o.URL, true},
		{"named for another", &Verifier{Settings: named(o.URL)}, amazon, o.URL, false},
		{"not named", &Verifier{}, twitter, o.URL, false},
		{"another spelling", &Verifier{Settings: named(o.URL)}, twitter, "http://localhost:" + port, false},
		{"another port", &Verifier{Settings: named("http://127.0.0.1:1")}, twitter, o.URL, false},
		{"http, host not named", &Verifier{Settings: named(o.URL)}, twitter, "http://api.twitter.com/", false},
		{"loopback by https", &Verifier{}, twitter, "https://127.0.0.1:" + port, false},
		{"with a password", &Verifier{Settings: named(o.URL)}, twitter, "http://user:password@127.0.0.1:" + port, false},
		{"our own", &Verifier{Settings: named(o.URL), Network: Network{Own: own}}, twitter, o.URL, false},
		{"link-local", &Verifier{Settings: named("http://169.254.169.254")}, twitter, "http://169.254.169.254/latest", false},
	}
	for _, row := range rows {
		before := o.asked.Load()
		got := call(t.Context(), row.v, row.name, row.address)
		want(t, row.what+": "+got, got == "200 yes", row.want)
		want(t, row.what+", asked", o.asked.Load() > before, row.want)
	}
}

func TestCallTimesOut(t *testing.T) {
	o := newOnline(t, twitter, nil)
	o.hangs(t)
	v := o.verifier()
	v.Timeout = 20 * time.Millisecond
	want(t, "answer", call(t.Context(), v, twitter, o.URL), "no answer within 20ms")
}

// What a transport says of an answer that is no HTTP quotes it, and it may quote the question.
func TestCallQuotesNothing(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				b := make([]byte, 1000)
				n, _ := conn.Read(b)
				conn.Write(b[:n])
			}()
		}
	}()
	address := listener.Addr().String()
	for _, scheme := range []string{"http", "https"} {
		v := &Verifier{Settings: Settings{twitter: {Endpoint: scheme + "://" + address}}}
		r, _ := http.NewRequest("GET", scheme+"://"+address+"/?token=secret", nil)
		r.Header.Set("Authorization", "secret")
		_, _, err := v.call(t.Context(), twitter, r)
		if err == nil || strings.Contains(texts(err), "secret") {
			t.Errorf("%s: %s", scheme, texts(err))
		}
	}
	r, _ := http.NewRequest("GET", "http://"+address, nil)
	r.Header.Set("Authorization", "secret\n")
	v := &Verifier{Settings: Settings{twitter: {Endpoint: "http://" + address}}}
	if _, _, err := v.call(t.Context(), twitter, r); err == nil || strings.Contains(texts(err), "secret") {
		t.Errorf("bad header: %s", texts(err))
	}
}

const resting = "not asked, since its last calls failed"

func TestBreaker(t *testing.T) {
	for what, bad := range map[string]http.HandlerFunc{"500": says(500, ""), "no connection": hangsUp} {
		o := newOnline(t, twitter, bad)
		v := o.verifier()
		for i := range maxFailures {
			if got := call(t.Context(), v, twitter, o.URL); got == resting {
				t.Errorf("%s: rests after %d", what, i)
			}
		}
		want(t, what+": after five", call(t.Context(), v, twitter, o.URL), resting)
		o.clock.add(pause - 1)
		want(t, what+": just before the end", call(t.Context(), v, twitter, o.URL), resting)
		want(t, what+": requests", o.asked.Load(), maxFailures)
		want(t, what+": another provider", call(t.Context(), v, amazon, o.URL) != resting, true)

		o.clock.add(1)
		want(t, what+": the probe is made", call(t.Context(), v, twitter, o.URL) != resting, true)
		want(t, what+": and failed", call(t.Context(), v, twitter, o.URL), resting)
		want(t, what+": requests", o.asked.Load(), maxFailures+1)
		o.does(says(400, "no"))
		o.clock.add(pause - 1)
		want(t, what+": just before the end", call(t.Context(), v, twitter, o.URL), resting)
		o.clock.add(1)
		want(t, what+": back", call(t.Context(), v, twitter, o.URL), "400 no")
		want(t, what+": at once", call(t.Context(), v, twitter, o.URL), "400 no")
		want(t, what+": told in the log", strings.Count(o.log.String(), "left alone"), 2)

		o.does(bad)
		for i := range maxFailures - 1 {
			want(t, fmt.Sprint(what, ": counts from the start: ", i), call(t.Context(), v, twitter, o.URL) != resting, true)
		}
		o.does(says(200, ""))
		want(t, what+": four are not enough", call(t.Context(), v, twitter, o.URL), "200 ")
	}
}

// Neither what strangers send nor what they break off takes a provider from others.
func TestBreakerIsNotForStrangers(t *testing.T) {
	for what, answer := range map[string]http.HandlerFunc{
		"400": says(400, "no"), "401": says(401, "no"), "403": says(403, "no"), "404": says(404, "no"), "429": says(429, ""),
		"redirect": says(302, ""), "huge": says(200, strings.Repeat("x", 100_000)), "garbage": says(200, "<html>"),
	} {
		o := newOnline(t, twitter, answer)
		v := o.verifier()
		for range 3 * maxFailures {
			call(t.Context(), v, twitter, o.URL)
		}
		want(t, what+": requests", o.asked.Load(), 3*maxFailures)
	}
	o := newOnline(t, twitter, nil)
	asked, release := o.hangs(t)
	v := o.verifier()
	for range 3 * maxFailures {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-asked
			cancel()
		}()
		want(t, "left", call(ctx, v, twitter, o.URL), "context canceled")
	}
	release()
	want(t, "after it", call(t.Context(), v, twitter, o.URL), "200 ")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := v.call(gone, twitter, httptest.NewRequest("GET", o.URL, nil))
	want(t, "the caller's own error", errors.Is(err, context.Canceled), true)
}

// While one call tries whether a provider is back, others don't wait for it. A probe whose caller leaves is no probe.
func TestOneProbe(t *testing.T) {
	o := newOnline(t, twitter, says(500, ""))
	v := o.verifier()
	for range maxFailures {
		call(t.Context(), v, twitter, o.URL)
	}
	o.clock.add(pause)
	asked, release := o.hangs(t)
	ctx, cancel := context.WithCancel(t.Context())
	probe := make(chan string)
	go func() { probe <- call(ctx, v, twitter, o.URL) }()
	<-asked
	for range 10 {
		want(t, "meanwhile", call(t.Context(), v, twitter, o.URL), resting)
	}
	cancel()
	want(t, "the probe", <-probe, "context canceled")
	go func() { probe <- call(t.Context(), v, twitter, o.URL) }()
	<-asked
	want(t, "meanwhile", call(t.Context(), v, twitter, o.URL), resting)
	release()
	want(t, "the next probe", <-probe, "200 ")
	want(t, "requests", o.asked.Load(), maxFailures+2)
}

// A provider that hangs holds so many of us and no more, and none who wants another.
func TestCallsUnderWay(t *testing.T) {
	o, other := newOnline(t, twitter, nil), newOnline(t, amazon, says(200, "yes"))
	asked, release := o.hangs(t)
	v := o.verifier()
	v.Settings[amazon] = Setting{Endpoint: other.URL}
	answers := make(chan string, maxCalls)
	for range maxCalls {
		go func() { answers <- call(t.Context(), v, twitter, o.URL) }()
	}
	for range maxCalls {
		<-asked
	}
	for range 100 {
		want(t, "one more", call(t.Context(), v, twitter, o.URL), "not asked, since too many calls to it are under way")
	}
	want(t, "another provider", call(t.Context(), v, amazon, other.URL), "200 yes")
	release()
	for range maxCalls {
		want(t, "those that waited", <-answers, "200 ")
	}
	want(t, "after it", call(t.Context(), v, twitter, o.URL), "200 ")
	want(t, "requests", o.asked.Load(), maxCalls+1)
}

// A line rests after five failures in a row and not before, lets one try, and never loses count of the calls under way.
func TestLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := newClock()
		l := new(line)
		var probes []bool // of the calls under way
		row := 0          // failures since the last answer
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"enter", "enter", "leave", "leave", "wait"}).Draw(t, "step") {
			case "wait":
				now.add(time.Duration(rapid.IntRange(1, 12).Draw(t, "seconds")) * time.Second)
			case "enter":
				probing := false
				for _, p := range probes {
					probing = probing || p
				}
				probe, err := l.enter(now.now())
				if (err == errBusy) && len(probes) < maxCalls || err == errResting && row < maxFailures {
					t.Fatalf("%v with %d under way, %d failed", err, len(probes), row)
				}
				if err == nil && (probe != (row >= maxFailures) || probe && probing) {
					t.Fatalf("probe %v after %d failures, one under way: %v", probe, row, probing)
				}
				if err == nil {
					probes = append(probes, probe)
				}
			case "leave":
				if len(probes) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(probes)-1).Draw(t, "which")
				is := rapid.SampledFrom([]verdict{undecided, answered, failed, failed, failed}).Draw(t, "verdict")
				rests := l.leave(probes[i], is, now.now())
				switch {
				case is == answered:
					row = 0
				case is == failed && (probes[i] || row < maxFailures):
					row++
				}
				if rests && (is != failed || row < maxFailures) {
					t.Fatalf("rests after %d", row)
				}
				if rests {
					if _, err := l.enter(now.now()); err != errResting {
						t.Fatal("doesn't rest")
					}
				}
				probes = append(probes[:i], probes[i+1:]...)
			}
			if l.running != len(probes) {
				t.Fatalf("%d under way, it counts %d", len(probes), l.running)
			}
		}
	})
}

// Calls that began before a line rested end during the rest; they don't make it longer.
func TestLateFailures(t *testing.T) {
	now, l := newClock(), new(line)
	for range maxFailures + 1 {
		if _, err := l.enter(now.now()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range maxFailures {
		want(t, fmt.Sprint("rests after ", i+1), l.leave(false, failed, now.now()), i+1 == maxFailures)
	}
	now.add(pause - 1)
	want(t, "late", l.leave(false, failed, now.now()), false)
	now.add(1)
	probe, err := l.enter(now.now())
	want(t, "probe", probe && err == nil, true)
}
