package provider

import (
	"context"
	"crypto/elliptic"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fresh tokens never come from the cache of tokens: each has another id.
func (i *idp) fresh(s signer) string {
	return s.sign(i.claims("jti", fmt.Sprint(i.clock.nanos.Add(1))))
}

func TestConcurrentFirstVerificationsMakeOneFetch(t *testing.T) {
	i := newIDP(t, rsaA())
	_, release := i.hold(t)
	v, token := verifier(i), rsaA().sign(i.claims())
	var ready, done sync.WaitGroup
	for range 64 {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			want(t, "outcome", verify(t, v, i.provider(), token), "ok")
		})
	}
	ready.Wait()
	release()
	done.Wait()
	want(t, "discoveries", i.discoveries.Load(), 1)
	want(t, "fetches", i.fetches.Load(), 1)
}

// Three at once, then one in 30 s, however many tokens come.
func TestBadTokensMakeFewFetches(t *testing.T) {
	i := newIDP(t, rsaA())
	bad := map[string]func(n int) string{
		"unknown kid":                    func(n int) string { return rsaB().as(fmt.Sprint(n)).sign(i.claims()) },
		"no kid, no key fits":            func(int) string { return p256().sign(i.claims(), "kid", absent{}) },
		"no kid, foreign key":            func(int) string { return rsaB().sign(i.claims(), "kid", absent{}) },
		"known kid, wrong signature":     func(int) string { return rsaB().as("a").sign(i.claims()) },
		"known kid, algorithm not right": func(int) string { return p256().as("a").sign(i.claims()) },
	}
	for name, token := range bad {
		t.Run(name, func(t *testing.T) {
			v, before := verifier(i), i.fetches.Load()
			fetches := func() int64 { return i.fetches.Load() - before }
			want(t, "a good token", verify(t, v, i.provider(), i.fresh(rsaA())), "ok")
			hammer := func(when string, expected int64) {
				t.Helper()
				for n := range 20 {
					i.clock.add(1)
					want(t, "outcome", verify(t, v, i.provider(), token(n)), badSignature)
				}
				want(t, "fetches "+when, fetches(), expected)
			}
			hammer("at once", 4)
			i.clock.add(29 * time.Second)
			hammer("after 29 s", 4)
			i.clock.add(time.Second)
			hammer("after 30 s", 5)
			i.clock.add(29 * time.Second)
			hammer("after 59 s", 5)
			i.clock.add(time.Second)
			hammer("after 60 s", 6)
			i.clock.add(5 * time.Minute)
			hammer("after 6 minutes", 9)
			want(t, "a good token", verify(t, v, i.provider(), i.fresh(rsaA())), "ok")
		})
	}
}

func TestRotation(t *testing.T) {
	changes := map[string]struct{ before, after signer }{
		"a new key under a new id": {rsaA(), rsaB()},
		"a new key under the same": {rsaA(), rsaB().as("a")},
		"another type of key":      {rsaA(), p256().as("a")},
		"no ids":                   {rsaA().as(""), rsaB().as("")},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			i := newIDP(t, change.before)
			v := verifier(i)
			want(t, "before", verify(t, v, i.provider(), i.fresh(change.before)), "ok")
			i.publish(change.after)
			want(t, "at once", verify(t, v, i.provider(), i.fresh(change.after)), "ok")
			want(t, "fetches", i.fetches.Load(), 2)
			want(t, "the old key", verify(t, v, i.provider(), i.fresh(change.before)), badSignature)
		})
	}
}

// A fetch that ran already when the token came may have asked before the keys changed: it doesn't count as a look.
func TestRotationDuringAFetch(t *testing.T) {
	i := newIDP(t, rsaA())
	v := verifier(i)
	want(t, "before", verify(t, v, i.provider(), i.fresh(rsaA())), "ok")
	answered, gate := make(chan struct{}), make(chan struct{})
	old := text(map[string]any{"keys": []any{rsaA().jwk()}})
	var once sync.Once
	i.set(func() {
		i.hook = func(w http.ResponseWriter, r *http.Request) bool {
			first := false
			if r.URL.Path == "/keys" {
				once.Do(func() { first = true; close(answered); <-gate; fmt.Fprint(w, old) })
			}
			return first
		}
	})
	stranger := make(chan string)
	bad := rsaB().as("x").sign(i.claims("jti", fmt.Sprint(i.clock.nanos.Add(1))))
	go func() { stranger <- verify(t, v, i.provider(), bad) }()
	<-answered // with the old keys, which are still under way
	i.publish(rsaB())
	good := i.fresh(rsaB())
	signIn := make(chan string)
	go func() { signIn <- verify(t, v, i.provider(), good) }()
	close(gate)
	want(t, "stranger", <-stranger, badSignature)
	want(t, "sign-in", <-signIn, "ok")
}

// Sixty-four callers sign in without pause while their provider takes a new key five times, and signs with it at once. The
// keys that tokens under way are signed with stay published. No sign-in is lost.
func TestRotationUnderLoad(t *testing.T) {
	var keys []signer
	for n := range 6 {
		keys = append(keys, signer{fmt.Sprint("key ", n), "ES256", newEC(elliptic.P256())})
	}
	i := newIDP(t, keys[0])
	v := verifier(i)
	var signs atomic.Int64 // the index of the key
	outcomes, stop := make(chan string), make(chan struct{})
	var callers sync.WaitGroup
	for range 64 {
		callers.Go(func() {
			for {
				select {
				case outcomes <- verify(t, v, i.provider(), i.fresh(keys[signs.Load()])):
				case <-stop:
					return
				}
			}
		})
	}
	signedIn, lost := 0, 0
	for n := range keys {
		i.publish(keys[:n+1]...)
		signs.Store(int64(n))
		i.clock.add(31 * time.Second)
		for range 192 {
			if got := <-outcomes; got == "ok" {
				signedIn++
			} else {
				lost++
				t.Log(got)
			}
		}
	}
	close(stop)
	callers.Wait()
	want(t, "signed in", signedIn, 192*len(keys))
	want(t, "lost", lost, 0)
	// One for each key, and some that began before the keys changed and had to be made again.
	if n := int(i.fetches.Load()); n < len(keys) || n > 2*len(keys) {
		t.Errorf("%d fetches", n)
	}
}

// Keys serve without a fetch for 80 % of their life; then one caller starts a fetch that nobody waits for.
func TestBackgroundRefresh(t *testing.T) {
	i := newIDP(t, rsaA())
	i.header.Set("Cache-Control", "max-age=1000")
	v := verifier(i)
	check := func() { t.Helper(); want(t, "outcome", verify(t, v, i.provider(), i.fresh(rsaA())), "ok") }
	check()
	i.clock.add(799 * time.Second)
	check()
	want(t, "fetches at 79.9 %", i.discoveries.Load(), 1)

	asked, release := i.hold(t)
	i.clock.add(time.Second)
	for range 10 {
		check() // would hang here if it waited
	}
	<-asked
	want(t, "fetches at 80 %", i.discoveries.Load(), 2)
	release()
	settle(v, i.provider())
	i.clock.add(799 * time.Second)
	check()
	want(t, "fetches at 79.9 % of the new keys' life", i.discoveries.Load(), 2)

	// A refresh that fails is tried again no sooner than 30 s later.
	i.down()
	i.clock.add(time.Second)
	for range 10 {
		check()
		settle(v, i.provider())
	}
	want(t, "fetches when it fails", i.discoveries.Load(), 3)
	i.clock.add(30 * time.Second)
	check()
	settle(v, i.provider())
	want(t, "fetches 30 s later", i.discoveries.Load(), 4)
}

// Keys that went stale while nobody asked are not believed before the provider was asked.
func TestStaleKeysAreAskedForAgain(t *testing.T) {
	i := newIDP(t, rsaA())
	v := verifier(i)
	want(t, "before", verify(t, v, i.provider(), i.fresh(rsaA())), "ok")
	i.publish(rsaB())
	i.clock.add(11 * time.Minute)
	want(t, "a key that was taken back", verify(t, v, i.provider(), i.fresh(rsaA())), badSignature)
	want(t, "the new key", verify(t, v, i.provider(), i.fresh(rsaB())), "ok")
	want(t, "fetches", i.fetches.Load(), 2)
}

func TestLastKnownGoodKeysServeWhileDown(t *testing.T) {
	i := newIDP(t, rsaA())
	v := verifier(i)
	check := func(expected string) {
		t.Helper()
		want(t, "outcome", verify(t, v, i.provider(), i.fresh(rsaA())), expected)
	}
	check("ok")
	i.down()
	i.clock.add(11 * time.Minute)
	check("ok") // after one attempt, which it waited for
	want(t, "attempts", i.discoveries.Load(), 2)

	// Now the provider doesn't even answer. Nobody waits: until the next try is due, nor when it is.
	asked, release := i.hold(t)
	i.clock.add(29 * time.Second)
	check("ok")
	want(t, "attempts before 30 s", i.discoveries.Load(), 2)
	i.clock.add(time.Second)
	check("ok")
	<-asked
	check("ok")
	want(t, "attempts after 30 s", i.discoveries.Load(), 3)
	i.down()
	release()
	settle(v, i.provider())

	// Keys that are not among them may be new: that the provider was not heard is the answer, not that the token is wrong.
	want(t, "unknown kid", verify(t, v, i.provider(), i.fresh(rsaB())), "unavailable")
	want(t, "known kid", verify(t, v, i.provider(), i.fresh(rsaB().as("a"))), badSignature)

	// So it goes until 24 hours after the last good fetch.
	for i.clock.now().Before(newClock().now().Add(24*time.Hour - 10*time.Minute)) {
		i.clock.add(9 * time.Minute)
		check("ok")
		settle(v, i.provider())
	}
	i.clock.add(10 * time.Minute)
	check("unavailable")
	i.up()
	i.clock.add(5 * time.Second)
	check("ok")
}

// An attempt that failed long ago says nothing of now.
func TestOldFailureIsNotBelieved(t *testing.T) {
	i := newIDP(t, rsaA())
	v := verifier(i)
	want(t, "before", verify(t, v, i.provider(), i.fresh(rsaA())), "ok")
	i.down()
	i.clock.add(11 * time.Minute)
	want(t, "down", verify(t, v, i.provider(), i.fresh(rsaA())), "ok")
	i.publish(rsaB())
	i.up()
	i.clock.add(time.Hour)
	want(t, "a key that was taken back", verify(t, v, i.provider(), i.fresh(rsaA())), badSignature)
}

// Without any keys a failure is remembered for 5 s.
func TestDeadProviderCostsNothing(t *testing.T) {
	i := newIDP(t, rsaA())
	i.down()
	v := verifier(i)
	check := func(expected string, attempts int64) {
		t.Helper()
		for range 20 {
			want(t, "outcome", verify(t, v, i.provider(), rsaA().sign(i.claims())), expected)
		}
		want(t, "attempts", i.discoveries.Load(), attempts)
	}
	check("unavailable", 1)
	i.clock.add(5*time.Second - 1)
	check("unavailable", 1)
	i.clock.add(1)
	check("unavailable", 2)
	i.up()
	i.clock.add(5 * time.Second)
	check("ok", 3)
	_, err := v.OIDC(t.Context(), i.provider(), rsaB().sign(i.claims()))
	want(t, "bad token", outcome(err), badSignature)
}

func TestHangingProvider(t *testing.T) {
	i := newIDP(t, rsaA())
	i.hold(t)
	v := verifier(i)
	v.Timeout = 200 * time.Millisecond
	begin := time.Now()
	want(t, "outcome", verify(t, v, i.provider(), rsaA().sign(i.claims())), "unavailable")
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	want(t, "the failure is remembered", verify(t, v, i.provider(), rsaA().sign(i.claims())), "unavailable")
	want(t, "attempts", i.discoveries.Load(), 1)
}

func TestOthersAreServedMeanwhile(t *testing.T) {
	hanging, alive := newIDP(t, rsaA()), newIDP(t, rsaB())
	asked, release := hanging.hold(t)
	v := verifier(hanging, alive)
	v.Timeout = time.Minute
	answer := make(chan string)
	go func() { answer <- verify(t, v, hanging.provider(), rsaA().sign(hanging.claims())) }()
	<-asked
	want(t, "another provider", verify(t, v, alive.provider(), rsaB().sign(alive.claims())), "ok")
	release()
	want(t, "the hanging one", <-answer, "ok")
}

// Discovery and keys share one timeout.
func TestHangingKeys(t *testing.T) {
	i := newIDP(t, rsaA())
	gate := make(chan struct{})
	t.Cleanup(func() { close(gate) })
	i.hook = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/keys" {
			<-gate
		}
		return false
	}
	v := verifier(i)
	v.Timeout = 200 * time.Millisecond
	want(t, "outcome", verify(t, v, i.provider(), rsaA().sign(i.claims())), "unavailable")
}

// A caller who goes away, the first one too, takes nobody along.
func TestCancelledCallerDoesNotCancelTheFetch(t *testing.T) {
	i := newIDP(t, rsaA())
	asked, release := i.hold(t)
	v, token := verifier(i), rsaA().sign(i.claims())
	first, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := v.OIDC(first, i.provider(), token)
		gone <- err
	}()
	<-asked
	stays := make(chan string)
	go func() { stays <- verify(t, v, i.provider(), token) }()
	cancel()
	err := <-gone // while the provider still hangs
	want(t, "who went", outcome(err), "unavailable")
	want(t, "its cause is the context's", errors.Is(err, context.Canceled), true)
	release()
	want(t, "who stayed", <-stays, "ok")
	want(t, "fetches", i.fetches.Load(), 1)
}

// Who leaves while a bad signature waits for newer keys has not heard that the token is wrong.
func TestCancelledWhileKeysAreRenewed(t *testing.T) {
	i := newIDP(t, rsaA())
	v := verifier(i)
	want(t, "before", verify(t, v, i.provider(), i.fresh(rsaA())), "ok")
	asked, release := i.hold(t)
	i.clock.add(30 * time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan error)
	go func() {
		_, err := v.OIDC(ctx, i.provider(), rsaB().as("a").sign(i.claims()))
		answer <- err
	}()
	<-asked
	cancel()
	want(t, "outcome", outcome(<-answer), "unavailable")
	release()
	settle(v, i.provider())
}

// Who looked at old keys while others fetched newer ones gets those, without another fetch.
func TestNewerKeysAreShared(t *testing.T) {
	i := newIDP(t, rsaA())
	v := verifier(i)
	want(t, "before", verify(t, v, i.provider(), i.fresh(rsaA())), "ok")
	ring := v.rings.of(i.provider().source())
	seen := ring.good
	i.publish(rsaB())
	i.clock.add(30 * time.Second)
	want(t, "the new key", verify(t, v, i.provider(), i.fresh(rsaB())), "ok")
	newer, err := v.newer(t.Context(), ring, seen)
	want(t, "error", err, nil)
	want(t, "newer", newer, ring.good)
	want(t, "fetches", i.fetches.Load(), 2)
}

// The number of issuers is bounded; the least recently used one goes.
func TestIssuersAreBounded(t *testing.T) {
	i := newIDP(t, rsaA())
	v := verifier(i)
	v.Issuers = 2
	check := func(thumbprint string, fetches int64) {
		t.Helper()
		p := i.provider()
		p.Thumbprints = []string{thumbprint} // another keyring for each
		want(t, thumbprint, verify(t, v, p, i.fresh(rsaA())), "ok")
		want(t, "fetches", i.fetches.Load(), fetches)
	}
	check("1", 1)
	check("2", 2)
	check("1", 2)
	check("3", 3) // 2 goes
	check("1", 3)
	check("2", 4) // 3 goes
	check("1", 4)
	check("3", 5)
	want(t, "keyrings", len(v.rings.names), 2)
	want(t, "in order", v.rings.used.Len(), 2)
}
