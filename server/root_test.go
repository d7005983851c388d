package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"idpool/iam"
	"idpool/internal/pgtest"
	"idpool/store"
)

// Where no person reads, the path is printed and not the secret.
func TestRootCredentials(t *testing.T) {
	c := base(t)
	path := filepath.Join(c.Data, rootCredentialsName)
	out := c.Out.(*strings.Builder)
	s, err := Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	s.announce()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of %s: %v, %v", path, info.Mode(), err)
	}
	key, err := s.iam.Key(context.Background(), s.newRoot.ID)
	if err != nil || !key.Caller.Root || key.Caller.ARN != "arn:aws:iam::000000000000:root" {
		t.Errorf("the root key means %+v, %v", key.Caller, err)
	}
	if !strings.Contains(string(file), key.Secret) {
		t.Error("the file does not hold the root's secret key")
	}
	if !strings.Contains(out.String(), path) || strings.Contains(out.String(), key.Secret) {
		t.Errorf("where no person reads, the path is printed and not the secret; it was: %q", out)
	}
	s.Close()

	if err := start(t, c); err != nil {
		t.Fatal(err)
	}
	again, err := os.ReadFile(path)
	if err != nil || string(again) != string(file) {
		t.Errorf("the second start changed the file: %v", err)
	}
}

// Of nodes that start at once, one makes the root's key. It keeps the file; the others take theirs back, whose keys nobody
// knows.
func TestRootCredentialsOfOneNode(t *testing.T) {
	s, err := Open(t.Context(), base(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.settle(t.Context()); err != nil { // as when its transaction runs twice
		t.Fatal(err)
	}
	if _, err := os.Stat(s.rootCredentials()); err != nil || s.newRoot == nil {
		t.Errorf("the node that made the root's key has lost its file: %v", err)
	}
	if err := s.drawRoot(); err != nil {
		t.Fatal(err)
	}
	if err := s.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.rootCredentials()); !errors.Is(err, os.ErrNotExist) || s.newRoot != nil {
		t.Errorf("the root has another key, and the file is still there: %v", err)
	}
}

func TestRootCredentialsOnTerminal(t *testing.T) {
	c := base(t)
	c.IsTerminal = true
	s, err := Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.announce()
	out := c.Out.(*strings.Builder).String()
	for _, want := range []string{"[profile idpool]", s.newRoot.ID, s.newRoot.Secret, "endpoint_url = http://" + s.Addr()} {
		if !strings.Contains(out, want) {
			t.Errorf("the profile lacks %q:\n%s", want, out)
		}
	}
}

// With --dev the start shows test/test alone, and in one line where the root's own key is.
func TestRootCredentialsWithDev(t *testing.T) {
	c := base(t)
	c.IsTerminal, c.Dev = true, true
	s, err := Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.announce()
	out := c.Out.(*strings.Builder).String()
	for _, want := range []string{"AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test", " is in " + s.rootCredentials() + "\n"} {
		if strings.Count(out, want) != 1 {
			t.Errorf("%q is not there, or twice:\n%s", want, out)
		}
	}
	for _, secret := range []string{s.newRoot.ID, s.newRoot.Secret, "[profile"} {
		if strings.Contains(out, secret) {
			t.Errorf("%q is shown:\n%s", secret, out)
		}
	}
}

// A root key of the environment is never stored, and a start without it later makes one.
func TestGivenRootKey(t *testing.T) {
	c := base(t)
	c.RootKey = &iam.StaticKey{ID: "AKIAGIVEN", Secret: "given"}
	s, err := Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	if key, err := s.iam.Key(context.Background(), "AKIAGIVEN"); err != nil || !key.Caller.Root || key.Caller.Account != DefaultAccount {
		t.Errorf("the given key means %+v, %v", key.Caller, err)
	}
	if _, err := os.Stat(s.rootCredentials()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("root-credentials: %v", err)
	}
	s.Close()

	c.RootKey = nil
	if s, err = Open(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.iam.Key(context.Background(), "AKIAGIVEN"); err == nil {
		t.Error("the given key is valid without being given")
	}
	if s.newRoot == nil {
		t.Error("there is no root key")
	}
}

// atDraw is a source of randomness that does something when it is first asked: with a master key given, that is between the
// look at the database and the transaction that stores the root's key.
func atDraw(do func()) io.Reader {
	first := sync.OnceFunc(do)
	return readerFunc(func(p []byte) (int, error) {
		first()
		return rand.Read(p)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A start that fails after it has drawn the root's key leaves no file of a key that nobody knows.
func TestRootCredentialsTakenBack(t *testing.T) {
	for _, tt := range []struct {
		name      string
		meanwhile func(c Config, cancel func())
		want      func(error) bool
	}{
		{"another node is faster, with another account", func(c Config, _ func()) {
			c.Data, c.Account, c.Rand = t.TempDir(), "222222222222", rand.Reader
			if err := start(t, c); err != nil {
				t.Error(err)
			}
		}, isUsage},
		{"the start is interrupted", func(_ Config, cancel func()) { cancel() }, func(err error) bool { return errors.Is(err, context.Canceled) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := base(t)
			c.Database, c.MasterKey, c.Account = pgtest.Start(t)(t), make([]byte, store.MasterKeySize), "111111111111"
			c.IssuerURL = "https://id.example.com"
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			other := c
			c.Rand = atDraw(func() {
				if _, err := os.Stat(filepath.Join(c.Data, rootCredentialsName)); err == nil {
					t.Error("the file is there too early, so the test says nothing")
				}
				tt.meanwhile(other, cancel)
			})
			if s, err := Open(ctx, c); !tt.want(err) {
				t.Errorf("the start: %v, %v", s, err)
			}
			if _, err := os.Stat(filepath.Join(c.Data, rootCredentialsName)); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the file of the key: %v", err)
			}
		})
	}
}

// Where the connection breaks after COMMIT the key may be stored, and its file stays: here it is stored, and the next start
// goes by it.
func TestRootCredentialsOfUnknownOutcome(t *testing.T) {
	database := pgtest.Start(t)(t)
	p, through := startProxy(t, database)
	var log bytes.Buffer
	c := base(t)
	c.MasterKey, c.IssuerURL, c.Log = make([]byte, store.MasterKeySize), "https://id.example.com", slog.New(slog.NewTextHandler(&log, nil))
	c.Database, c.Rand = through, atDraw(p.cutAfterCommit)
	if err := start(t, c); !errors.Is(err, store.ErrUnknownOutcome) {
		t.Fatalf("a start whose COMMIT is not answered: %v", err)
	}
	path := filepath.Join(c.Data, rootCredentialsName)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c.Database, c.Rand = database, rand.Reader
	if err := start(t, c); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the next start changed the file: %v", err)
	}
	if strings.Contains(log.String(), path) {
		t.Errorf("the log doubts the file:\n%s", &log)
	}
}

// A file that no start on this database has finished is never removed, and never passed over in silence.
func TestForeignRootCredentials(t *testing.T) {
	const foreign = "[idpool]\naws_access_key_id = AKIAFOREIGN\naws_secret_access_key = x\n"
	var log bytes.Buffer
	c := base(t)
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	path := filepath.Join(c.Data, rootCredentialsName)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(name, file, text string, warns bool) {
		t.Helper()
		log.Reset()
		if err := start(t, c); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != text {
			t.Errorf("%s: %s is %q, %v", name, file, got, err)
		}
		if strings.Contains(log.String(), path) != warns {
			t.Errorf("%s: a warning is %v, want %v:\n%s", name, !warns, warns, &log)
		}
	}
	write(foreign)
	expect("a new database", path+".old", foreign, true)
	made, err := os.ReadFile(path)
	if err != nil || bytes.Contains(made, []byte("AKIAFOREIGN")) {
		t.Fatalf("the new root's file is %q, %v", made, err)
	}
	expect("its own", path, string(made), false)
	both := strings.Replace(foreign, "idpool", "other", 1) + string(made)
	write(both)
	expect("its own, and another beside it", path, both, false)
	write("# moved to the vault\n")
	expect("no key", path, "# moved to the vault\n", false)
	write(foreign)
	expect("another's", path, foreign, true)
	if !strings.Contains(log.String(), "AKIAFOREIGN") {
		t.Errorf("the warning does not name the key:\n%s", &log)
	}
}
