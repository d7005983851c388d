package e2e

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
)

// load is what many clients do at an address, by the Go SDK, none of them trying anything twice.
type load struct {
	pool   string
	alice  map[string]string // logins
	id     string            // alice's
	client *cognitoidentity.Client

	began   time.Time
	sent    atomic.Int64 // calls
	done    atomic.Int64 // calls that were answered
	running sync.WaitGroup
	stop    context.CancelFunc

	mu       sync.Mutex
	guests   []string // the identities that a call was answered with
	failures []failedCall
}

// failedCall is a call that was not answered well.
type failedCall struct {
	name  string // in the balancer's log
	begun time.Time
	err   error
}

func (f failedCall) String() string {
	return fmt.Sprintf("%s, begun %s: %v", f.name, f.begun.Format(time.StampMilli), f.err)
}

// startLoad has a crowd of clients call, as fast as they can if rate is 0, else so many calls a second together, until end.
func startLoad(t testing.TB, c *cluster, front *haproxy, rate int) *load {
	t.Helper()
	p := startOIDCProvider(t)
	n := *c.node
	n.url = front.url()
	// HAProxy says nothing, in its log neither, if what breaks off is not the first call of a connection.
	transport := &http.Transport{MaxIdleConnsPerHost: crowd, DisableKeepAlives: rate == 0}
	t.Cleanup(transport.CloseIdleConnections)
	l := &load{alice: login(p, p.signIn(t, appClient, p.user))}
	l.pool = createPool(t, &n, &cognitoidentity.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("load"), AllowUnauthenticatedIdentities: true, OpenIdConnectProviderARNs: []string{register(t, &n, p)},
	})
	setRoles(t, &n, l.pool)
	l.id = getID(t, &n, l.pool, l.alice)
	l.guests = []string{getID(t, &n, l.pool, nil)}
	l.client = n.identities(func(o *cognitoidentity.Options) {
		o.Retryer, o.HTTPClient = aws.NopRetryer{}, &naming{http.Client{Transport: transport}}
	})
	var ctx context.Context
	ctx, l.stop = context.WithCancel(t.Context())
	l.began = time.Now()
	due := l.pace(ctx, rate)
	for range crowd {
		l.running.Go(func() {
			for turn := range due {
				l.call(t.Context(), turn)
			}
		})
	}
	t.Cleanup(l.end)
	return l
}

// pace says when a call is due, and which. What is late is made up for, so that slow answers don't thin out the load.
func (l *load) pace(ctx context.Context, rate int) <-chan int {
	due := make(chan int)
	l.running.Go(func() {
		defer close(due)
		for turn := 0; ; turn++ {
			if rate > 0 {
				time.Sleep(time.Until(l.began.Add(time.Duration(turn) * time.Second / time.Duration(rate))))
			}
			select {
			case due <- turn:
			case <-ctx.Done():
				return
			}
		}
	})
	return due
}

// end lets what runs come to its end.
func (l *load) end() {
	l.stop()
	l.running.Wait()
}

// call makes one of the calls that there are. Every second one makes an identity.
func (l *load) call(ctx context.Context, turn int) {
	f := failedCall{name: fmt.Sprintf("call-%08d", turn), begun: time.Now()}
	l.sent.Add(1)
	ctx = context.WithValue(ctx, callName{}, f.name)
	switch turn % 6 {
	case 0, 2, 4:
		f.err = l.newGuest(ctx)
	case 1:
		_, f.err = l.client.DescribeIdentity(ctx, &cognitoidentity.DescribeIdentityInput{IdentityId: aws.String(l.someGuest())})
	case 3:
		_, f.err = l.client.GetCredentialsForIdentity(ctx, &cognitoidentity.GetCredentialsForIdentityInput{IdentityId: aws.String(l.someGuest())})
	case 5:
		f.err = l.aliceAgain(ctx)
	}
	l.done.Add(1)
	if f.err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.failures = append(l.failures, f)
	}
}

func (l *load) newGuest(ctx context.Context) error {
	out, err := l.client.GetId(ctx, &cognitoidentity.GetIdInput{IdentityPoolId: &l.pool})
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.guests = append(l.guests, *out.IdentityId)
	}
	return err
}

func (l *load) someGuest() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.guests[len(l.guests)-1]
}

func (l *load) aliceAgain(ctx context.Context) error {
	out, err := l.client.GetId(ctx, &cognitoidentity.GetIdInput{IdentityPoolId: &l.pool, Logins: l.alice})
	if err == nil && *out.IdentityId != l.id {
		err = fmt.Errorf("alice is %s, not %s", *out.IdentityId, l.id)
	}
	return err
}

// rate is how many calls a second were sent so far.
func (l *load) rate() float64 { return float64(l.sent.Load()) / time.Since(l.began).Seconds() }

// await waits until so many more calls have been answered.
func (l *load) await(t testing.TB, p *process, calls int64) {
	t.Helper()
	goal := l.done.Load() + calls
	p.awaitWork(t, fmt.Sprintf("%d more calls are answered", calls), func() bool { return l.done.Load() >= goal })
}

// check makes sure that all identities that were acknowledged are there.
func (l *load) check(t testing.TB, n *node) {
	t.Helper()
	there := listIdentities(t, n, l.pool)
	for _, id := range append(l.guests, l.id) {
		if _, found := there[id]; !found {
			t.Errorf("%s was acknowledged, and is not there", id)
		}
	}
}

// naming is an HTTP client that tells the balancer the name of a call, where the context has one.
type naming struct{ http.Client }

type callName struct{}

func (c *naming) Do(r *http.Request) (*http.Response, error) {
	if name, named := r.Context().Value(callName{}).(string); named {
		r.Header.Set("X-Call", name)
	}
	return c.Client.Do(r)
}

// TestRollingRestart restarts one node after another, as operators do, while 200 calls come each second: no call fails. What a
// busy machine sends late is sent all the same, so that the average falls behind only if it can't keep up at all.
func TestRollingRestart(t *testing.T) { // not beside other tests, as the nodes take turns at a machine's few cores
	c := startCluster(t, 3, postgresURL(startPostgres(t).port), "--signing-algorithm", "ES256")
	front := startHAProxy(t, freePort(t), c.nodes, "option dontlog-normal")
	l := startLoad(t, c, front, 200)
	for i, n := range c.nodes {
		l.await(t, front.process, 200)
		n.signal(t, syscall.SIGTERM)
		front.awaitState(t, i, "DOWN")
		if code := n.wait(t); code != 0 {
			t.Errorf("told to stop, node%d ends with %d", i, code)
		}
		l.await(t, front.process, 200)
		n.start(t, c.flags...)
		front.awaitState(t, i, "UP")
	}
	l.await(t, front.process, 200)
	rate := l.rate()
	l.end()
	t.Logf("%d calls, of which %d made an identity; %.1f a second", l.done.Load(), len(l.guests), rate)
	if rate < 190 {
		t.Errorf("%.1f calls a second were sent, not 200", rate)
	}
	for _, f := range l.failures {
		t.Errorf("a call failed, %s", f)
	}
	l.check(t, c.node)
}

// TestNodeKilled kills a node that works at full load. It costs the calls in its hands: those that the balancer had given to it
// before it was dead. What others were told is there.
func TestNodeKilled(t *testing.T) { // not beside other tests, likewise
	c := startCluster(t, 3, postgresURL(startPostgres(t).port), "--signing-algorithm", "ES256")
	// A call has a connection to its node of its own: so none is sent to a node that is dead already.
	front := startHAProxy(t, freePort(t), c.nodes, "option http-server-close", "option dontlog-normal")
	l := startLoad(t, c, front, 0)
	l.await(t, front.process, 1000)
	c.nodes[1].kill()
	dead := time.Now()
	front.awaitState(t, 1, "DOWN")
	l.await(t, front.process, 1000)
	c.nodes[1].start(t, c.flags...)
	front.awaitState(t, 1, "UP")
	l.await(t, front.process, 1000)
	l.end()
	t.Logf("%d of %d calls failed", len(l.failures), l.done.Load())
	for _, f := range l.failures {
		if f.begun.After(dead) || front.until(func() bool { return front.brokeOff(1, f.name) }) != nil {
			t.Errorf("a call failed that was not in the hands of node1, dead at %s: %s", dead.Format(time.StampMilli), f)
		}
	}
	if len(l.failures) > crowd {
		t.Errorf("%d calls failed, and there are %d clients", len(l.failures), crowd)
	}
	l.check(t, c.node)
}
