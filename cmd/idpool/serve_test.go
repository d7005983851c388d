package main

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"idpool/server"
)

// prefixes are the networks of a list, by their addresses.
func prefixes(p []netip.Prefix) (texts []string) {
	for _, one := range p {
		texts = append(texts, one.String())
	}
	return texts
}

// flags are the flags of idpool serve: a text, and what becomes of it. Those that name files have tests of their own.
var flags = []struct {
	name, text string
	got        func(server.Config) any
	want       any
}{
	{"listen", "127.0.0.1:1", func(c server.Config) any { return c.Listen }, "127.0.0.1:1"},
	{"admin-listen", "127.0.0.1:2", func(c server.Config) any { return c.AdminListen }, "127.0.0.1:2"},
	{"data", "/some/where", func(c server.Config) any { return c.Data }, "/some/where"},
	{"database", "postgres://db/idpool", func(c server.Config) any { return c.Database }, "postgres://db/idpool"},
	{"database-replica", "postgres://standby/idpool", func(c server.Config) any { return c.DatabaseReplica }, "postgres://standby/idpool"},
	{"database-timeout", "3s", func(c server.Config) any { return c.DatabaseTimeout }, 3 * time.Second},
	{"no-migrate", "true", func(c server.Config) any { return c.NoMigrate }, true},
	{"issuer-url", "https://id.example.com/", func(c server.Config) any { return c.IssuerURL }, "https://id.example.com"},
	{"change-issuer-url", "true", func(c server.Config) any { return c.ChangeIssuerURL }, true},
	{"account", "000000000042", func(c server.Config) any { return c.Account }, "000000000042"},
	{"tls-cert", "cert.pem", func(c server.Config) any { return c.TLSCert }, "cert.pem"},
	{"tls-key", "key.pem", func(c server.Config) any { return c.TLSKey }, "key.pem"},
	{"signing-algorithm", "ES256", func(c server.Config) any { return c.SigningAlgorithm }, "ES256"},
	{"root-access-key-id", "AKIDROOT", func(c server.Config) any { return c.RootKey.ID }, "AKIDROOT"},
	{"root-secret-access-key", "secret", func(c server.Config) any { return c.RootKey.Secret }, "secret"},
	{"master-key", inBase64, func(c server.Config) any { return string(c.MasterKey) }, thirtyTwoBytes},
	{"require-external-master-key", "true", func(c server.Config) any { return c.RequireExternalMasterKey }, true},
	{"dev", "true", func(c server.Config) any { return c.Dev }, true},
	{"drain", "1m30s", func(c server.Config) any { return c.Drain }, 90 * time.Second},
	{"regions", "eu-west-1,home", func(c server.Config) any { return c.Regions }, []string{"eu-west-1", "home"}},
	{"provider-networks", "10.0.0.0/8,fd00::/8", func(c server.Config) any { return prefixes(c.ProviderNetworks) }, []string{"10.0.0.0/8", "fd00::/8"}},
	{"insecure-http-providers", "idp,localhost", func(c server.Config) any { return c.InsecureHTTPProviders }, []string{"idp", "localhost"}},
	{"trusted-proxies", "192.0.2.1/32", func(c server.Config) any { return prefixes(c.TrustedProxies) }, []string{"192.0.2.1/32"}},
	{"token-lifetime", "20m", func(c server.Config) any { return c.TokenLifetime }, 20 * time.Minute},
	{"audit-log", "/var/log/idpool/audit.log", func(c server.Config) any { return c.AuditLog }, "/var/log/idpool/audit.log"},
	{"quota-pools", "1", func(c server.Config) any { return c.Quotas.Pools }, 1},
	{"saml-recipient", "https://id.example.com/saml", func(c server.Config) any { return c.SAMLRecipient }, "https://id.example.com/saml"},
	{"quota-providers", "2", func(c server.Config) any { return c.Quotas.Providers }, 2},
	{"quota-rules", "3", func(c server.Config) any { return c.Quotas.Rules }, 3},
	{"quota-tags", "4", func(c server.Config) any { return c.Quotas.Tags }, 4},
	{"quota-linked-logins", "5", func(c server.Config) any { return c.Quotas.LinkedLogins }, 5},
}

const thirtyTwoBytes = "0123456789abcdef0123456789abcdef"

var inBase64 = base64.StdEncoding.EncodeToString([]byte(thirtyTwoBytes))

// belongTogether is the other half of a pair.
var belongTogether = map[string]string{"root-access-key-id": "root-secret-access-key", "root-secret-access-key": "root-access-key-id"}

// variable is the environment variable of a flag.
func variable(flag string) string {
	return "IDPOOL_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// withoutVariables takes away the variables that whoever runs the tests may have.
func withoutVariables(t *testing.T) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "IDPOOL_") || strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "") // and back after the test
			_ = os.Unsetenv(name)
		}
	}
}

// write makes a file of a test's.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// configOf is what a node of this command line would be.
func configOf(t *testing.T, args ...string) server.Config {
	t.Helper()
	var c commands
	if _, err := newParser(&c).Parse(append([]string{"serve"}, args...)); err != nil {
		t.Fatal(err)
	}
	config, err := c.Serve.config()
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// TestFlags gives every flag of idpool serve as a flag, as a variable and as a key of the configuration file.
func TestFlags(t *testing.T) {
	for _, row := range flags {
		t.Run(row.name, func(t *testing.T) {
			withoutVariables(t)
			pairs := [][2]string{{row.name, row.text}}
			if other, found := belongTogether[row.name]; found {
				pairs = append(pairs, [2]string{other, "other"})
			}
			var args []string
			var file strings.Builder
			for _, p := range pairs {
				args = append(args, "--"+p[0]+"="+p[1])
				file.WriteString(p[0] + ": " + p[1] + "\n")
			}
			check := func(how string, args ...string) {
				t.Helper()
				if diff := cmp.Diff(row.want, row.got(configOf(t, args...))); diff != "" {
					t.Errorf("%s, -want +got:\n%s", how, diff)
				}
			}
			check("as a flag", args...)
			path := write(t, "idpool.yaml", file.String())
			check("in the file", "--config", path)
			t.Run("IDPOOL_CONFIG", func(t *testing.T) {
				t.Setenv("IDPOOL_CONFIG", path)
				if diff := cmp.Diff(row.want, row.got(configOf(t))); diff != "" {
					t.Errorf("in the file that IDPOOL_CONFIG names, -want +got:\n%s", diff)
				}
			})
			for _, p := range pairs {
				t.Setenv(variable(p[0]), p[1])
			}
			check("as a variable")
		})
	}
}

// TestEveryFlag holds the table above, and the README's, to the flags that there are.
func TestEveryFlag(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	tested := []string{"help", "config", "master-key-file", "provider-ca", "providers"}
	for _, row := range flags {
		tested = append(tested, row.name)
	}
	for _, command := range newParser(&commands{}).Model.Leaves(false) {
		if command.Name != "serve" {
			continue
		}
		for _, group := range command.AllFlags(false) {
			for _, flag := range group {
				if !slices.Contains(tested, flag.Name) {
					t.Errorf("--%s is in no test", flag.Name)
				}
				if !flag.Hidden && flag.Name != "help" && !bytes.Contains(readme, []byte("`--"+flag.Name)) {
					t.Errorf("--%s is not in README.md", flag.Name)
				}
			}
		}
	}
}

// TestNearestCounts: a flag counts more than a variable, and a variable more than the file.
func TestNearestCounts(t *testing.T) {
	withoutVariables(t)
	file := write(t, "idpool.yaml", "drain: 1s\nregions: [a, b]\naccount:\n")
	config := configOf(t, "--config", file)
	if config.Drain != time.Second || !slices.Equal(config.Regions, []string{"a", "b"}) || config.Account != "" {
		t.Errorf("the file alone: drain %v, regions %q, account %q", config.Drain, config.Regions, config.Account)
	}
	t.Setenv("IDPOOL_DRAIN", "2s")
	t.Setenv("IDPOOL_REGIONS", "c")
	config = configOf(t, "--config", file)
	if config.Drain != 2*time.Second || !slices.Equal(config.Regions, []string{"c"}) {
		t.Errorf("file and variable: drain %v, regions %q", config.Drain, config.Regions)
	}
	config = configOf(t, "--config", file, "--drain", "3s", "--regions", "d")
	if config.Drain != 3*time.Second || !slices.Equal(config.Regions, []string{"d"}) {
		t.Errorf("file, variable and flag: drain %v, regions %q", config.Drain, config.Regions)
	}
}

func TestDefaults(t *testing.T) {
	withoutVariables(t)
	config := configOf(t)
	if config.Listen != server.DefaultListen || config.Data != "idpool-data" || config.Drain != 5*time.Second || config.RootKey != nil || config.MasterKey != nil ||
		config.DatabaseTimeout != server.DefaultDatabaseTimeout {
		t.Errorf("without flags: %+v", config)
	}
	if config = configOf(t, "--dev"); config.Data != "idpool-dev" || config.Drain != 0 {
		t.Errorf("--dev: data %s, drain %v", config.Data, config.Drain)
	}
}

func TestMasterKeyFile(t *testing.T) {
	withoutVariables(t)
	file := write(t, "key", inBase64+"\n")
	if key := configOf(t, "--master-key-file", file).MasterKey; string(key) != thirtyTwoBytes {
		t.Errorf("the key of the file is %q", key)
	}
	t.Setenv("IDPOOL_MASTER_KEY", "no base64 at all")
	t.Setenv("IDPOOL_MASTER_KEY_FILE", file)
	if key := configOf(t).MasterKey; string(key) != thirtyTwoBytes {
		t.Errorf("the key of the file that a variable names is %q", key)
	}
}

func TestProviderCA(t *testing.T) {
	withoutVariables(t)
	idp := httptest.NewTLSServer(http.NotFoundHandler())
	defer idp.Close()
	file := write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: idp.Certificate().Raw})))
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig.RootCAs = configOf(t, "--provider-ca", file).ProviderCA
	client := http.Client{Transport: transport}
	reply, err := client.Get(idp.URL)
	if err != nil {
		t.Fatalf("a server whose certificate is in the file: %v", err)
	}
	_ = reply.Body.Close()
}

// Secrets are shown on a terminal, and nowhere else.
func TestIsTerminal(t *testing.T) {
	for _, row := range []struct {
		path string
		want bool
	}{
		{"/dev/ptmx", true}, // a new terminal, from the side of its emulator
		{os.DevNull, false},
		{"/dev/zero", false},
		{filepath.Join(t.TempDir(), "log"), false},
	} {
		f, err := os.OpenFile(row.path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil && strings.HasPrefix(row.path, "/dev/") {
			t.Logf("this machine has no %s: %v", row.path, err)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := isTerminal(f); got != row.want {
			t.Errorf("%s is a terminal: %t", row.path, got)
		}
		_ = f.Close()
	}
}

// The file of --providers gives endpoints and checks by the providers' names.
func TestProvidersFile(t *testing.T) {
	withoutVariables(t)
	file := write(t, "providers.yaml", "cognito-idp.us-east-1.amazonaws.com:\n  endpoint: http://localhost:5000\n"+
		"  check: {kind: http, url: 'http://localhost/{sub}'}\n")
	got := configOf(t, "--providers", file).Providers["cognito-idp.us-east-1.amazonaws.com"]
	if got.Endpoint != "http://localhost:5000" || got.Check == nil || got.Check.Kind != "http" {
		t.Errorf("%+v", got)
	}
}
