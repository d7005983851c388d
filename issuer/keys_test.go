package issuer

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"idpool/store"
)

// clock is a clock that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// deployment is a database, on which a test runs as many nodes as it likes.
type deployment struct {
	clock  clock
	db     *store.DB
	master *store.Master
}

func newDeployment(t *testing.T) *deployment {
	t.Helper()
	d := &deployment{clock: clock{now: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)}}
	var err error
	if d.master, err = store.NewMaster(make([]byte, store.MasterKeySize)); err != nil {
		t.Fatal(err)
	}
	d.db, err = store.Open(t.Context(), filepath.Join(t.TempDir(), "idpool.db"), store.Options{Now: d.clock.read})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.db.Close() })
	return d
}

// node makes an issuer that has not looked for its keys yet.
func (d *deployment) node(algorithm string) *Issuer {
	return &Issuer{
		URL: "https://id.example.com", Algorithm: algorithm, DB: d.db, Master: d.master, Now: d.clock.read, Rand: rand.Reader,
		Log: slog.New(slog.DiscardHandler),
	}
}

// start makes an issuer that is ready.
func (d *deployment) start(t *testing.T, algorithm string) *Issuer {
	t.Helper()
	i := d.node(algorithm)
	refresh(t, i)
	return i
}

func refresh(t *testing.T, i *Issuer) {
	t.Helper()
	if err := i.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func mint(t *testing.T, i *Issuer, lifetime time.Duration) string {
	t.Helper()
	token, err := i.Mint(t.Context(), Claims{Subject: "us-east-1:x", Audience: "us-east-1:p", AMR: []string{"unauthenticated"}}, lifetime)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// algorithmOf is what a token was signed with, according to itself.
func algorithmOf(t *testing.T, token string) string {
	t.Helper()
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS512, jose.RS256, jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	return jws.Signatures[0].Header.Algorithm
}

// What is due to the keys of a deployment when a node that wants ES256 starts, or when one asks for nothing: while it runs,
// or as it starts without the flag. A key is written as its state, its algorithm, and for how long it has been in that state.
func TestDue(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	key := func(id string, state store.State, algorithm string, since time.Duration) store.SigningKey {
		return store.SigningKey{ID: id, State: state, Algorithm: algorithm, Changed: now.Add(-since)}
	}
	current := func(algorithm string, since time.Duration) store.SigningKey {
		return key("current", store.Current, algorithm, since)
	}
	next := func(algorithm string, since time.Duration) store.SigningKey {
		return key("next", store.Next, algorithm, since)
	}
	retired := func(id string, since time.Duration) store.SigningKey { return key(id, store.Retired, "RS512", since) }
	keys := func(all ...store.SigningKey) []store.SigningKey { return all }
	const year = 365 * 24 * time.Hour

	type row struct {
		name string
		keys []store.SigningKey
		want steps
	}
	starting := []row{
		{"first start", keys(), steps{create: store.Current}},
		{"nothing to do", keys(current("ES256", year)), steps{}},

		{"algorithm changed", keys(current("RS512", year)), steps{create: store.Next}},
		{"algorithm changed in the first second", keys(current("RS512", 0)), steps{create: store.Next}},
		{"next just made", keys(current("RS512", year), next("ES256", 0)), steps{}},
		{"next too young", keys(current("RS512", year), next("ES256", 24*time.Hour-time.Millisecond)), steps{}},
		{"next old enough", keys(current("RS512", year), next("ES256", 24*time.Hour)), steps{promote: "next", retire: "current"}},
		{"next long overdue", keys(current("RS512", year), next("ES256", year)), steps{promote: "next", retire: "current"}},

		{"change reverted before it signed", keys(current("ES256", year), next("RS512", time.Hour)), steps{remove: []string{"next"}}},
		{"change reverted, next old enough", keys(current("ES256", year), next("RS512", year)), steps{remove: []string{"next"}}},
		{"change changed", keys(current("RS512", year), next("RS256", time.Hour)), steps{create: store.Next, remove: []string{"next"}}},
		{"change reverted after it signed", keys(current("RS512", time.Hour), retired("old", time.Hour)), steps{create: store.Next}},

		{"retired, not for long", keys(current("ES256", time.Hour), retired("old", time.Hour)), steps{}},
		{"retired, not long enough", keys(current("ES256", year), retired("old", 25*time.Hour-time.Millisecond)), steps{}},
		{"retired long enough", keys(current("ES256", year), retired("old", 25*time.Hour)), steps{remove: []string{"old"}}},
		{"some retired long enough", keys(retired("older", year), current("ES256", year), retired("old", 26*time.Hour), retired("young", time.Hour)), steps{remove: []string{"older", "old"}}},
		{"retired long enough, algorithm changed", keys(retired("old", year), current("RS512", year)), steps{create: store.Next, remove: []string{"old"}}},
		{"retired long enough, next old enough", keys(retired("old", year), current("RS512", year), next("ES256", year)), steps{promote: "next", retire: "current", remove: []string{"old"}}},

		{"no current key", keys(retired("old", time.Hour)), steps{create: store.Current}},
	}
	asking := []row{
		{"first start", keys(), steps{create: store.Current}},
		{"another algorithm than the default", keys(current("ES256", year)), steps{}},
		{"next of another start waits", keys(current("RS512", year), next("ES256", time.Hour)), steps{}},
		{"next back to the default", keys(current("ES256", year), next("RS512", time.Hour)), steps{}},
		{"next of another start, old enough", keys(current("RS512", year), next("ES256", 24*time.Hour)), steps{promote: "next", retire: "current"}},
	}
	running := []row{
		{"another's current key", keys(current("RS512", year)), steps{}},
		{"another's next key", keys(current("ES256", year), next("RS512", time.Hour)), steps{}},
		{"another's next key, old enough", keys(current("ES256", year), next("RS512", 24*time.Hour)), steps{promote: "next", retire: "current"}},
		{"retired long enough", keys(current("RS512", year), retired("old", 25*time.Hour)), steps{remove: []string{"old"}}},
	}
	for _, group := range []struct {
		name, algorithm string
		rows            []row
	}{{"starting/", "ES256", starting}, {"starting without the flag/", "", asking}, {"running/", "", running}} {
		for _, row := range group.rows {
			t.Run(group.name+row.name, func(t *testing.T) { checkDue(t, due(row.keys, group.algorithm, now), row.want) })
		}
	}
}

func checkDue(t *testing.T, got, want steps) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(steps{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if waits := reflect.DeepEqual(want, steps{}); got.nothing() != waits {
		t.Errorf("nothing() is %v, want %v", got.nothing(), waits)
	}
}

// The life of a change of algorithm, from the day the operator asks for it until the old key is gone: relying parties see
// each key long before they need it, and for as long as they may need it.
func TestChangeOfAlgorithm(t *testing.T) {
	d := newDeployment(t)
	i := d.start(t, "RS512")
	stage := func(name, signs string, published ...string) {
		t.Helper()
		refresh(t, i)
		if got := algorithmOf(t, mint(t, i, TokenLifetime)); got != signs {
			t.Errorf("%s: tokens are signed with %s, want %s", name, got, signs)
		}
		var got []string
		for _, k := range jwks(t, i).Keys {
			got = append(got, k.Algorithm)
		}
		if !slices.Equal(got, published) {
			t.Errorf("%s: the JWKS has %v, want %v", name, got, published)
		}
		if got := discovery(t, i)["id_token_signing_alg_values_supported"]; !cmp.Equal(got, anys(published)) {
			t.Errorf("%s: discovery names %v, want %v", name, got, published)
		}
	}
	stage("at first", "RS512", "RS512")

	i = d.start(t, "ES256") // the operator has changed the configuration, and starts again
	stage("asked for", "RS512", "RS512", "ES256")
	d.clock.advance(PublishedBefore - time.Second)
	stage("a second before 24 hours", "RS512", "RS512", "ES256")
	last := mint(t, i, MaxTokenLifetime)
	d.clock.advance(time.Second)
	stage("after 24 hours", "ES256", "ES256", "RS512")

	if _, err := i.Verify(t.Context(), last); err != nil {
		t.Errorf("a token of the old key: %v", err)
	}
	d.clock.advance(PublishedAfter - time.Second)
	stage("a second before 25 hours more", "ES256", "ES256", "RS512")
	if _, err := i.Verify(t.Context(), last); !errors.Is(err, ErrExpired) {
		t.Errorf("the longest token of the old key, at the end of the key's time: %v, want ErrExpired", err)
	}
	d.clock.advance(time.Second)
	stage("after 25 hours more", "ES256", "ES256")
	if _, err := i.Verify(t.Context(), last); !errors.Is(err, ErrToken) {
		t.Errorf("a token of a key that is gone: %v, want ErrToken", err)
	}
}

// A change that is taken back within the day leaves nothing behind.
func TestChangeOfAlgorithmReverted(t *testing.T) {
	d := newDeployment(t)
	kid := jwks(t, d.start(t, "RS512")).Keys[0].KeyID
	d.start(t, "ES256")
	d.clock.advance(23 * time.Hour)
	i := d.start(t, "RS512")
	if keys := jwks(t, i).Keys; len(keys) != 1 || keys[0].KeyID != kid {
		t.Errorf("%d keys are published, want the first alone", len(keys))
	}
	d.clock.advance(48 * time.Hour)
	refresh(t, i)
	if keys := jwks(t, i).Keys; len(keys) != 1 || keys[0].KeyID != kid {
		t.Errorf("two days later %d keys are published, want the first alone", len(keys))
	}
}

// A start without the flag wants nothing: neither the key that waits nor the one that signs gives way to the default.
func TestRestartWithoutAlgorithm(t *testing.T) {
	d := newDeployment(t)
	stage := func(name, signs string, published ...string) {
		t.Helper()
		i := d.start(t, "")
		if got := algorithmOf(t, mint(t, i, TokenLifetime)); got != signs {
			t.Errorf("%s: tokens are signed with %s, want %s", name, got, signs)
		}
		var got []string
		for _, k := range jwks(t, i).Keys {
			got = append(got, k.Algorithm)
		}
		if !slices.Equal(got, published) {
			t.Errorf("%s: the JWKS has %v, want %v", name, got, published)
		}
	}
	stage("the first start ever", "RS512", "RS512")
	d.start(t, "ES256")
	stage("while ES256 waits", "RS512", "RS512", "ES256")
	d.clock.advance(PublishedBefore)
	stage("when ES256 is due", "ES256", "ES256", "RS512")
	d.clock.advance(PublishedAfter)
	stage("when RS512 is gone", "ES256", "ES256")
}

// Nodes that want different algorithms leave each other's keys alone while they run: the one that started last decides.
func TestNodesOfDifferentAlgorithms(t *testing.T) {
	d := newDeployment(t)
	nodes := []*Issuer{d.start(t, "RS512"), d.start(t, "ES256")}
	next := func() string {
		t.Helper()
		keys, err := nodes[0].readKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			if k.State == store.Next {
				return k.ID
			}
		}
		return ""
	}
	first := next()
	for range 5 * 24 {
		for _, i := range nodes {
			refresh(t, i)
		}
		if kid := next(); kid != "" && kid != first {
			t.Fatalf("the next key %s has given way to %s", first, kid)
		}
		d.clock.advance(time.Hour)
	}
	for n, i := range nodes {
		if keys := jwks(t, i).Keys; len(keys) != 1 || keys[0].KeyID != first {
			t.Errorf("node %d publishes %d keys after five days, want %s alone", n, len(keys), first)
		}
	}
}

// A restart, or another node, finds the key that is there.
func TestRestartKeepsKey(t *testing.T) {
	d := newDeployment(t)
	first, second := jwks(t, d.start(t, "ES256")), jwks(t, d.start(t, "ES256"))
	if !cmp.Equal(first, second, cmp.Comparer(sameKey)) {
		t.Errorf("JWKS differ: %+v and %+v", first, second)
	}
}

func sameKey(a, b jose.JSONWebKey) bool {
	return a.KeyID == b.KeyID && slices.EqualFunc(a.Certificates, b.Certificates, equal)
}

func equal[T interface{ Equal(T) bool }](a, b T) bool { return a.Equal(b) }

// Nodes that start at once on a new database end with one key, the same for all.
func TestStartAtOnce(t *testing.T) {
	d := newDeployment(t)
	nodes := make([]*Issuer, 8)
	var all sync.WaitGroup
	for n := range nodes {
		nodes[n] = d.node("ES256")
		all.Go(func() {
			if err := nodes[n].Refresh(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	kid := jwks(t, nodes[0]).Keys[0].KeyID
	for n, i := range nodes {
		if keys := jwks(t, i).Keys; len(keys) != 1 || keys[0].KeyID != kid {
			t.Errorf("node %d publishes %d keys, the first %s; want %s alone", n, len(keys), keys[0].KeyID, kid)
		}
	}
	if _, err := nodes[0].Verify(t.Context(), mint(t, nodes[1], TokenLifetime)); err != nil {
		t.Errorf("one node's token at another: %v", err)
	}
}

// anotherNodesKey puts a key into the database that no running node has seen, and signs a token with it.
func (d *deployment) anotherNodesKey(t *testing.T) (token string) {
	t.Helper()
	other := d.node("ES256")
	fresh, err := other.newKey()
	if err != nil {
		t.Fatal(err)
	}
	fresh.State = store.Retired
	if err := d.db.Update(t.Context(), func(tx *store.Tx) error { return tx.CreateSigningKey(fresh) }); err != nil {
		t.Fatal(err)
	}
	opened, err := other.open(*fresh)
	if err != nil {
		t.Fatal(err)
	}
	token, err = other.sign(opened, &Claims{Subject: "s", Issuer: other.URL, Expires: d.clock.read().Unix() + 600})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// A key that another node has just made is found when its first token comes along; but tokens of strangers make a node
// look into the database no more than once a second.
func TestUnknownKey(t *testing.T) {
	d := newDeployment(t)
	i := d.start(t, "ES256")
	verify := func(token string) error {
		_, err := i.Verify(t.Context(), token)
		return err
	}
	if err := verify(d.anotherNodesKey(t)); err != nil {
		t.Fatalf("the first token of another node's key: %v", err)
	}
	another := d.anotherNodesKey(t)
	if err := verify(another); !errors.Is(err, ErrToken) {
		t.Errorf("within the second: %v, want ErrToken without a look into the database", err)
	}
	d.clock.advance(time.Second - time.Millisecond)
	if err := verify(another); !errors.Is(err, ErrToken) {
		t.Errorf("still within the second: %v, want ErrToken without a look into the database", err)
	}
	d.clock.advance(time.Millisecond)
	if err := verify(another); err != nil {
		t.Errorf("a second later: %v", err)
	}
}

// A token of an unknown kid makes a node read its keys, and do nothing else: what is due is done by Refresh.
func TestVerifyOnlyReads(t *testing.T) {
	d := newDeployment(t)
	d.start(t, "RS512")
	i := d.start(t, "ES256") // whose key waits as the next
	states := func() map[string]store.State {
		keys, err := i.readKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		states := make(map[string]store.State)
		for _, k := range keys {
			states[k.ID] = k.State
		}
		return states
	}
	stranger := mint(t, newDeployment(t).start(t, "ES256"), MaxTokenLifetime)
	d.clock.advance(PublishedBefore) // now the next key is due to sign
	before := states()
	if _, err := i.Verify(t.Context(), stranger); !errors.Is(err, ErrToken) {
		t.Errorf("a stranger's token: %v", err)
	}
	if diff := cmp.Diff(before, states()); diff != "" {
		t.Errorf("a stranger's token changed the keys (-before +after):\n%s", diff)
	}
	refresh(t, i)
	if after := states(); cmp.Equal(before, after) {
		t.Errorf("nothing was due, so the test says nothing: %v", after)
	}
}

// Keys that another master key has sealed are an error at the start, never an occasion to make others.
func TestAnotherMasterKey(t *testing.T) {
	d := newDeployment(t)
	d.start(t, "ES256")
	var err error
	if d.master, err = store.NewMaster([]byte(strings.Repeat("x", store.MasterKeySize))); err != nil {
		t.Fatal(err)
	}
	if err := d.node("ES256").Refresh(t.Context()); !errors.Is(err, store.ErrMaster) {
		t.Errorf("%v, want ErrMaster", err)
	}
}

// anys is a list as JSON has it.
func anys(texts []string) []any {
	var all []any
	for _, text := range texts {
		all = append(all, text)
	}
	return all
}
