package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
)

// recorder is a process of its own, whose crowd of writers make, link, merge and unlink identities, each writer at one node,
// and try nothing twice. What is acknowledged stands in a file, and is on the disk before the writer goes on.
type recorder struct {
	*process
	orders
}

// orders are what a recorder is told.
type orders struct {
	File  string   // that it writes
	Nodes []string // URLs
	Pool  string   // with a developer provider, and for guests
	Root  aws.Credentials
}

// ordersName is the environment variable that makes this program a recorder and not a test.
const ordersName = "IDPOOL_E2E_ORDERS"

// deed is a line of the file. A life is what one writer does to two identities, one deed after the other, until one fails.
type deed struct {
	Life   string
	Did    string
	Made   string         // the id of the identity that was made
	Owners map[string]int // whose the developer's names are when it is done: the identity that was made first is 1
	At     time.Time      // when the answer came
	Error  string         // empty: it was acknowledged
}

func startRecorder(t testing.TB, n *node, nodes []*node) *recorder {
	t.Helper()
	r := &recorder{orders: orders{File: filepath.Join(t.TempDir(), "deeds"), Root: n.root}}
	r.Pool = createPool(t, n, &cognitoidentity.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("recorded"), AllowUnauthenticatedIdentities: true, DeveloperProviderName: aws.String(developer),
	})
	for _, n := range nodes {
		r.Nodes = append(r.Nodes, n.url)
	}
	text, err := json.Marshal(r.orders)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r.process = start(t, "recorder", environ(ordersName+"="+string(text)), self)
	return r
}

// end lets the writers come to the end of what they are at.
func (r *recorder) end(t testing.TB) {
	t.Helper()
	r.signal(t, syscall.SIGTERM)
	if code := r.wait(t); code != 0 {
		t.Fatalf("the recorder ends with %d", code)
	}
}

// deeds are all that were recorded. The recorder has ended.
func (r *recorder) deeds(t testing.TB) (all []deed) {
	t.Helper()
	f, err := os.Open(r.File)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for lines := json.NewDecoder(f); ; {
		var d deed
		switch err := lines.Decode(&d); err {
		case nil:
			all = append(all, d)
		case io.EOF:
			return all
		default:
			t.Fatal(err)
		}
	}
}

// awaitDeeds waits until so many more were acknowledged.
func (r *recorder) awaitDeeds(t testing.TB, more int) {
	t.Helper()
	goal := r.acknowledged(t) + more
	r.awaitWork(t, fmt.Sprintf("%d more deeds are acknowledged", more), func() bool { return r.acknowledged(t) >= goal })
}

func (r *recorder) acknowledged(t testing.TB) int {
	t.Helper()
	lines, err := os.ReadFile(r.File)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return bytes.Count(lines, []byte(`"Error":""`))
}

// record is the recorder's own program. It returns the exit code.
func record(text string) int {
	var o orders
	err := json.Unmarshal([]byte(text), &o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	f, err := os.OpenFile(o.File, os.O_CREATE|os.O_WRONLY|os.O_SYNC, 0o600)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var writing sync.WaitGroup
	var file sync.Mutex
	for i := range crowd {
		n := node{url: o.Nodes[i%len(o.Nodes)], root: o.Root}
		w := writer{pool: o.Pool, client: n.identities(func(o *cognitoidentity.Options) {
			o.Retryer, o.HTTPClient = aws.NopRetryer{}, &http.Client{Transport: &http.Transport{}}
		})}
		w.note = func(d deed) error {
			file.Lock()
			defer file.Unlock()
			return json.NewEncoder(f).Encode(d)
		}
		writing.Go(func() {
			for turn := 0; ctx.Err() == nil; turn++ {
				w.live(fmt.Sprintf("%d.%d", i, turn))
			}
		})
	}
	writing.Wait()
	return 0
}

type writer struct {
	pool   string
	client *cognitoidentity.Client
	note   func(deed) error
}

// live is one life. It ends early with a deed that fails.
func (w *writer) live(life string) {
	a, b := life+"a", life+"b" // the developer's names
	var first string
	for _, step := range []struct {
		did    string
		owners map[string]int
		do     func() (made string, err error)
	}{
		{"make a guest", map[string]int{}, func() (made string, err error) {
			first, err = w.guest()
			return first, err
		}},
		{"link", map[string]int{a: 1}, func() (string, error) {
			_, err := w.vouch(first, a)
			return "", err
		}},
		{"make", map[string]int{a: 1, b: 2}, func() (string, error) { return w.vouch("", b) }},
		{"merge", map[string]int{a: 1, b: 1}, func() (string, error) { return "", w.merge(b, a) }},
		{"unlink", map[string]int{a: 1}, func() (string, error) { return "", w.unlink(first, b) }},
	} {
		made, err := step.do()
		d := deed{Life: life, Did: step.did, Made: made, Owners: step.owners, At: time.Now()}
		if err != nil {
			d.Error = err.Error()
		}
		if err := w.note(d); err != nil {
			panic(err) // there is nobody to tell; the test finds the process ended
		}
		if err != nil {
			time.Sleep(50 * time.Millisecond) // as clients do that are told to try later
			return
		}
	}
}

// vouch gives an identity, or a new one, a developer's name, and returns the identity.
func (w *writer) vouch(id, name string) (string, error) {
	in := &cognitoidentity.GetOpenIdTokenForDeveloperIdentityInput{IdentityPoolId: &w.pool, Logins: map[string]string{developer: name}}
	if id != "" {
		in.IdentityId = &id
	}
	out, err := w.client.GetOpenIdTokenForDeveloperIdentity(context.Background(), in)
	if err != nil {
		return "", err
	}
	return *out.IdentityId, nil
}

func (w *writer) merge(from, into string) error {
	_, err := w.client.MergeDeveloperIdentities(context.Background(), &cognitoidentity.MergeDeveloperIdentitiesInput{
		IdentityPoolId: &w.pool, DeveloperProviderName: aws.String(developer), SourceUserIdentifier: &from, DestinationUserIdentifier: &into,
	})
	return err
}

func (w *writer) unlink(id, name string) error {
	_, err := w.client.UnlinkDeveloperIdentity(context.Background(), &cognitoidentity.UnlinkDeveloperIdentityInput{
		IdentityPoolId: &w.pool, DeveloperProviderName: aws.String(developer), IdentityId: &id, DeveloperUserIdentifier: &name,
	})
	return err
}

func (w *writer) guest() (string, error) {
	out, err := w.client.GetId(context.Background(), &cognitoidentity.GetIdInput{IdentityPoolId: &w.pool})
	if err != nil {
		return "", err
	}
	return *out.IdentityId, nil
}
