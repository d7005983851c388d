package server

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"idpool/issuer"
	"idpool/provider"
	"idpool/store"
)

// base is a configuration that starts.
func base(t *testing.T) Config {
	t.Helper()
	return Config{
		Listen: "127.0.0.1:0", Data: t.TempDir(), Log: slog.New(slog.DiscardHandler), Out: new(strings.Builder),
		Now: time.Now, Rand: rand.Reader,
	}
}

// start opens a node and closes it again.
func start(t *testing.T, c Config) error {
	t.Helper()
	s, err := Open(context.Background(), c)
	if err != nil {
		return err
	}
	s.Close()
	return nil
}

func isUsage(err error) bool {
	var usage *UsageError
	return errors.As(err, &usage)
}

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Config)
		says   string
	}{
		{"no port", func(c *Config) { c.Listen = "127.0.0.1" }, "--listen"},
		{"reachable without an issuer", func(c *Config) { c.Listen = "0.0.0.0:0" }, "--issuer-url"},
		{"issuer with a path", func(c *Config) { c.IssuerURL = "https://id.example.com/x" }, "--issuer-url"},
		{"issuer without a scheme", func(c *Config) { c.IssuerURL = "id.example.com" }, "--issuer-url"},
		{"issuer with a query", func(c *Config) { c.IssuerURL = "https://id.example.com?x" }, "--issuer-url"},
		{"account of 11 digits", func(c *Config) { c.Account = "12345678901" }, "12 digits"},
		{"unknown algorithm", func(c *Config) { c.SigningAlgorithm = "HS256" }, "--signing-algorithm"},
		{"certificate without its key", func(c *Config) { c.TLSCert = "x.pem" }, "--tls-key"},
		{"a replica's password with an @", func(c *Config) { c.DatabaseReplica = "postgres://u:sec@ret@h/db" }, "--database-replica: an @ "},
		{"a replica in keywords", func(c *Config) { c.DatabaseReplica = "host=h password=sec" }, "--database-replica: give a PostgreSQL database as a URL"},
		{"a replica in a file", func(c *Config) { c.DatabaseReplica = "sec.db" }, "--database-replica: give the postgres:// URL"},
		{"master key required", func(c *Config) { c.RequireExternalMasterKey = true }, "--master-key-file"},
		{"short master key", func(c *Config) { c.MasterKey = []byte("short") }, "32"},
		{"a lifetime of two days", func(c *Config) { c.TokenLifetime = 48 * time.Hour }, "--token-lifetime"},
		{"a quota below 1", func(c *Config) { c.Quotas.Tags = -1 }, "--quota-"},
		{"region of 19 letters", func(c *Config) { c.Regions = []string{"abcdefghijklmnopqrs"} }, "--regions"},
		{"dev reachable", func(c *Config) { c.Dev, c.Listen = true, "0.0.0.0:0" }, "loopback"},
		{"dev with reachable metrics", func(c *Config) { c.Dev, c.AdminListen = true, "0.0.0.0:0" }, "loopback"},
		{"dev with a public issuer", func(c *Config) { c.Dev, c.IssuerURL = true, "https://id.example.com" }, "loopback"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := base(t)
			tt.change(&c)
			if err := start(t, c); !isUsage(err) || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "sec") {
				t.Errorf("got %v, want a usage error that says %q", err, tt.says)
			}
		})
	}
}

// A start that fails for what the operator got wrong leaves nothing behind that a later one would find half made: nothing at
// all, or where the database had to be asked one without keys and settings.
func TestFailedStartLeavesNothing(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tt := range []struct {
		name     string
		change   func(*Config)
		says     string
		database bool // is left
	}{
		{"address in use", func(c *Config) { c.Listen = taken.Addr().String() }, "--listen", false},
		{"address of the metrics in use", func(c *Config) { c.AdminListen = taken.Addr().String() }, "--admin-listen", false},
		{"no certificate", func(c *Config) { c.TLSCert, c.TLSKey = "missing.pem", "missing.key" }, "--tls-cert", false},
		{"reachable without an issuer", func(c *Config) { c.Listen = "0.0.0.0:0" }, "--issuer-url", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := base(t)
			tt.change(&c)
			if err := start(t, c); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want an error that says %q", err, tt.says)
			}
			files, err := os.ReadDir(c.Data)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if f.Name() != lockName && !(tt.database && strings.HasPrefix(f.Name(), "idpool.db")) {
					t.Errorf("%s is left", f.Name())
				}
			}
			if tt.database {
				isEmpty(t, filepath.Join(c.Data, "idpool.db"))
			}
		})
	}
}

// isEmpty fails the test if a database has anything that a start has made.
func isEmpty(t *testing.T, database string) {
	t.Helper()
	db, err := store.Open(t.Context(), database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var d deployment
	err = db.View(t.Context(), func(tx *store.Tx) (err error) {
		if _, err = tx.Setting(store.SettingMasterKey); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the database has a master key: %v", err)
		}
		d, err = readDeployment(tx)
		return err
	})
	if err != nil || d.found || d.issuerURL != "" {
		t.Errorf("the database has %+v, %v", d, err)
	}
}

// TestSecondStart is about what a deployment holds on to.
func TestSecondStart(t *testing.T) {
	const first, second = "https://a.example.com", "https://b.example.com"
	for _, tt := range []struct {
		name   string
		first  func(*Config)
		second func(*Config)
		usage  bool
		says   string // empty: it starts
	}{
		{name: "the same", first: func(c *Config) { c.Account = "111111111111" }, second: func(c *Config) { c.Account = "111111111111" }},
		{name: "account not said again", first: func(c *Config) { c.Account = "111111111111" }, second: func(*Config) {}},
		{name: "another account", first: func(*Config) {}, second: func(c *Config) { c.Account = "111111111111" }, usage: true, says: "000000000000"},
		{name: "the same issuer", first: func(c *Config) { c.IssuerURL = first }, second: func(c *Config) { c.IssuerURL = first }},
		{name: "an issuer later", first: func(*Config) {}, second: func(c *Config) { c.IssuerURL = first }},
		{name: "another issuer", first: func(c *Config) { c.IssuerURL = first }, second: func(c *Config) { c.IssuerURL = second }, says: "--change-issuer-url"},
		{name: "another issuer meant", first: func(c *Config) { c.IssuerURL = first }, second: func(c *Config) { c.IssuerURL, c.ChangeIssuerURL = second, true }},
		{name: "dev on a real database", first: func(*Config) {}, second: func(c *Config) { c.Dev = true }, usage: true, says: "--data"},
		{name: "dev again", first: func(c *Config) { c.Dev = true }, second: func(c *Config) { c.Dev = true }},
		{name: "another master key", first: func(*Config) {}, second: func(c *Config) { c.MasterKey = make([]byte, 32) }, says: "master key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			one := base(t)
			two := one
			tt.first(&one)
			tt.second(&two)
			if err := start(t, one); err != nil {
				t.Fatal(err)
			}
			err := start(t, two)
			switch {
			case tt.says == "" && err != nil:
				t.Errorf("the second start failed: %v", err)
			case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says) || isUsage(err) != tt.usage):
				t.Errorf("got %v (usage error: %v), want one that says %q (usage error: %v)", err, isUsage(err), tt.says, tt.usage)
			}
		})
	}
}

// A stored issuer is the issuer also where nobody says it again: tokens must not change their iss by a forgotten flag.
func TestStoredIssuerStays(t *testing.T) {
	c := base(t)
	c.IssuerURL = "https://id.example.com"
	if err := start(t, c); err != nil {
		t.Fatal(err)
	}
	c.IssuerURL = ""
	s, err := Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := s.issuer.URL; got != "https://id.example.com" {
		t.Errorf("issuer is %s", got)
	}
}

// A forgotten --signing-algorithm changes nothing: the keys that a deployment has stay the only ones.
func TestStoredAlgorithmStays(t *testing.T) {
	c := base(t)
	for _, c.SigningAlgorithm = range []string{"ES256", ""} {
		s, err := Open(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		reply := httptest.NewRecorder()
		s.handler().ServeHTTP(reply, httptest.NewRequest("GET", issuer.JWKSPath, nil))
		s.Close()
		if body := reply.Body.String(); !strings.Contains(body, `"ES256"`) || strings.Contains(body, `"RS512"`) {
			t.Errorf("--signing-algorithm %q: the JWKS is %s", c.SigningAlgorithm, body)
		}
	}
}

// The master key is beside the database that it belongs to, wherever the node's other files are; and where a database has
// lost its key no other is made.
func TestMasterKeyFile(t *testing.T) {
	c := base(t)
	c.Database = filepath.Join(t.TempDir(), "elsewhere.db")
	if err := start(t, c); err != nil {
		t.Fatal(err)
	}
	c.Data = t.TempDir()
	if err := start(t, c); err != nil {
		t.Errorf("the database with another --data: %v", err)
	}
	path := filepath.Join(filepath.Dir(c.Database), masterKeyName)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := start(t, c); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("the database without its key: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("another key was made: %v", err)
	}
}

func TestDirectoryIsLocked(t *testing.T) {
	c := base(t)
	s, err := Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := start(t, c); err == nil || !strings.Contains(err.Error(), "another idpool runs in") {
		t.Errorf("a second node in the same directory: %v", err)
	}
}

// A SQLite file has one node, whatever directories and names others come by.
func TestFileIsLocked(t *testing.T) {
	for _, name := range []string{"idpool.db", "pools.db"} {
		t.Run(name, func(t *testing.T) {
			c := base(t)
			folder, links := filepath.Join(t.TempDir(), "folder"), t.TempDir()
			file := filepath.Join(folder, name)
			c.Database = file
			for _, err := range []error{
				os.Mkdir(folder, 0o700), os.Symlink(file, filepath.Join(links, "file")), os.Symlink(folder, filepath.Join(links, "folder")),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			s, err := Open(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for _, database := range []string{file, "sqlite:" + file, "sqlite://" + file, filepath.Join(links, "file"), filepath.Join(links, "folder", name)} {
				other := base(t)
				other.Database = database
				const running, move = "another idpool runs on ", "a node runs on "
				if err := start(t, other); err == nil || err.Error() != running+file+": stop it, or choose another file by --database" {
					t.Errorf("a node on %s: %v", database, err)
				}
				if _, _, err := Migrate(t.Context(), other); err == nil || !strings.HasPrefix(err.Error(), running+file) {
					t.Errorf("migrate on %s: %v", database, err)
				}
				_, err := Move(t.Context(), MoveConfig{From: database, To: "postgres://127.0.0.1:1/x", Data: other.Data})
				if err == nil || err.Error() != move+file+": stop it, then move" {
					t.Errorf("move from %s: %v", database, err)
				}
			}
			neighbour := base(t)
			neighbour.Database = filepath.Join(folder, "other.db")
			if err := start(t, neighbour); err != nil {
				t.Errorf("a node on another file of the folder: %v", err)
			}
			s.Close()
			c.Data = t.TempDir()
			if err := start(t, c); err != nil {
				t.Errorf("a node after it: %v", err)
			}
		})
	}
}

// The usual node has one file for its lock, also if a link leads to its directory; and a folder that is missing is told as such.
func TestLockOfTheUsualFile(t *testing.T) {
	c := base(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(c.Data, link); err != nil {
		t.Fatal(err)
	}
	c.Data = link
	if err := start(t, c); err != nil {
		t.Fatal(err)
	}
	if found, _ := filepath.Glob(filepath.Join(link, "*lock*")); len(found) != 1 {
		t.Errorf("it leaves %q", found)
	}
	c.Database = filepath.Join(t.TempDir(), "missing", "idpool.db")
	if err := start(t, c); err == nil || !strings.Contains(err.Error(), c.Database+": no such file or directory; check --database") {
		t.Errorf("without the folder: %v", err)
	}
}

// Our own issuer is no outside provider, however it is spelled.
func TestOwnIssuerIsNoProvider(t *testing.T) {
	for _, tt := range []struct {
		url string
		own bool
	}{
		{"https://id.example.com", true},
		{"https://ID.Example.com", true},
		{"https://id.example.com:443", true},
		{"https://id.example.com./path", true},
		{"https://Cognito-Identity.amazonaws.com", true},
		{"https://cognito-identity.amazonaws.com.", true},
		{"https://id.example.com:8443", false},
		{"https://login.example.com", false},
	} {
		err := checkProviderURL(&provider.Network{}, "https://id.example.com", tt.url)
		if (err != nil) != tt.own {
			t.Errorf("%s: %v", tt.url, err)
		}
	}
}
