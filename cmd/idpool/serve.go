package main

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"go.yaml.in/yaml/v4"
	"golang.org/x/term"

	"idpool/cognito"
	"idpool/iam"
	"idpool/provider"
	"idpool/server"
)

type serveCommand struct {
	Listen      string `default:"127.0.0.1:7400" placeholder:"HOST:PORT" help:"Address of the API (${default})."`
	AdminListen string `placeholder:"HOST:PORT" help:"Address of /metrics and pprof; none by default."`
	Data        string `placeholder:"DIR" help:"Directory of this node's files (idpool-data; with --dev idpool-dev)."`
	Database    string `placeholder:"PATH|URL" help:"SQLite file, or postgres:// URL (idpool.db in --data)."`

	DatabaseReplica string        `placeholder:"URL" help:"postgres:// URL of a hot standby, for lists; none by default."`
	DatabaseTimeout time.Duration `default:"10s" placeholder:"TIME" help:"How long PostgreSQL may take for one read or change (${default})."`
	NoMigrate       bool          `help:"Do not start on an older schema, but leave it to idpool migrate."`

	IssuerURL string `name:"issuer-url" placeholder:"URL" help:"Public base URL, the iss of tokens (the listen address, if loopback and on SQLite)."`

	ChangeIssuerURL bool   `name:"change-issuer-url" help:"Take an --issuer-url that differs from the first one."`
	Account         string `placeholder:"ID" help:"The first account, 12 digits (000000000000)."`
	TLSCert         string `name:"tls-cert" placeholder:"FILE" help:"Certificate chain, PEM."`
	TLSKey          string `name:"tls-key" placeholder:"FILE" help:"Private key, PEM."`

	SigningAlgorithm string `placeholder:"ALG" help:"RS512 (at the first start), RS256 or ES256; without it what the deployment has."`

	RootAccessKeyID     string `name:"root-access-key-id" hidden:""`
	RootSecretAccessKey string `name:"root-secret-access-key" hidden:""`

	MasterKey     string `hidden:""`
	MasterKeyFile string `placeholder:"FILE" help:"Key that seals keys at rest: 32 bytes in base64. Or IDPOOL_MASTER_KEY."`

	RequireExternalMasterKey bool `help:"Do not start without a master key given."`

	Dev   bool           `help:"For one machine: fixed root keys test/test, a sample pool, loopback only."`
	Drain *time.Duration `placeholder:"TIME" help:"How long /readyz fails before the node stops (5s; 0 with --dev)."`

	Regions               []string       `placeholder:"REGION,..." help:"Regions that pools may be in (any)."`
	ProviderNetworks      []netip.Prefix `placeholder:"CIDR,..." help:"Private networks that identity providers may be in."`
	ProviderCA            string         `name:"provider-ca" placeholder:"FILE" help:"Private authorities of identity providers, PEM."`
	InsecureHTTPProviders []string       `name:"insecure-http-providers" placeholder:"HOST,..." help:"Providers that may be asked without TLS."`
	TrustedProxies        []netip.Prefix `placeholder:"CIDR,..." help:"Proxies whose X-Forwarded headers count."`

	Providers string `placeholder:"FILE" help:"YAML file: endpoints and checks of social providers and user pools, by name."`

	SAMLRecipient string `name:"saml-recipient" placeholder:"URL" help:"Recipient of SAML responses, beside https://signin.aws.amazon.com/saml."`

	TokenLifetime time.Duration `placeholder:"TIME" help:"Lifetime of the tokens of GetOpenIdToken (10m)."`

	AuditLog string `placeholder:"FILE" help:"File of audit events, or - for standard output; none by default."`

	Quotas quotaFlags `embed:"" prefix:"quota-"`
}

// quotaFlags are the sizes of cognito.Quotas; 0 is the original's.
type quotaFlags struct {
	Pools        int `placeholder:"N" help:"Identity pools of an account in a region (1000)."`
	Providers    int `placeholder:"N" help:"OIDC providers, SAML providers, user pools of a pool, each (50)."`
	Rules        int `placeholder:"N" help:"Rules in a role mapping, 400 at most (25)."`
	Tags         int `placeholder:"N" help:"Tags of a pool (50)."`
	LinkedLogins int `placeholder:"N" help:"Logins of an identity (20)."`
}

const defaultDrain = 5 * time.Second

// Run is idpool serve.
func (c *serveCommand) Run(ctx context.Context) error {
	config, err := c.config()
	if err != nil {
		return err
	}
	s, err := server.Open(ctx, config)
	if err != nil {
		return err
	}
	defer s.Close()
	if config.AuditLog != "" && config.AuditLog != "-" {
		defer onHangup(s.ReopenAudit)()
	}
	return s.Serve(ctx)
}

// onHangup does something at every SIGHUP, until stop is called. Without it the signal ends the process, as a terminal that
// closes wants.
func onHangup(do func()) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-signals:
				do()
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}

func (c *serveCommand) config() (server.Config, error) {
	config := server.Config{
		Listen: c.Listen, AdminListen: c.AdminListen, Data: c.Data, Database: c.Database,
		DatabaseReplica: c.DatabaseReplica, DatabaseTimeout: c.DatabaseTimeout, NoMigrate: c.NoMigrate,
		IssuerURL: strings.TrimSuffix(c.IssuerURL, "/"), ChangeIssuerURL: c.ChangeIssuerURL, Account: c.Account,
		TLSCert: c.TLSCert, TLSKey: c.TLSKey, SigningAlgorithm: c.SigningAlgorithm,
		RequireExternalMasterKey: c.RequireExternalMasterKey, Dev: c.Dev, Drain: defaultDrain, Regions: c.Regions,
		ProviderNetworks: c.ProviderNetworks, InsecureHTTPProviders: c.InsecureHTTPProviders, TrustedProxies: c.TrustedProxies,
		SAMLRecipient: c.SAMLRecipient, TokenLifetime: c.TokenLifetime, Quotas: cognito.Quotas(c.Quotas), AuditLog: c.AuditLog,
		Log: slog.New(slog.NewJSONHandler(os.Stderr, nil)),
		Out: os.Stdout, IsTerminal: isTerminal(os.Stdout), Now: time.Now, Rand: rand.Reader,
	}
	if c.DatabaseTimeout == 0 { // for package server none is given
		return config, &server.UsageError{Message: "--database-timeout 0s: give 100ms or more"}
	}
	if c.Data == "" {
		config.Data = dataDirectory(c.Dev)
	}
	if c.Dev {
		config.Drain = 0
	}
	if c.Drain != nil {
		config.Drain = *c.Drain
	}
	if c.RootAccessKeyID != "" || c.RootSecretAccessKey != "" {
		if c.RootAccessKeyID == "" || c.RootSecretAccessKey == "" {
			return config, &server.UsageError{Message: "IDPOOL_ROOT_ACCESS_KEY_ID and IDPOOL_ROOT_SECRET_ACCESS_KEY belong together"}
		}
		config.RootKey = &iam.StaticKey{ID: c.RootAccessKeyID, Secret: c.RootSecretAccessKey}
	}
	var err error
	if config.MasterKey, err = c.masterKey(); err != nil {
		return config, err
	}
	if config.Providers, err = c.providers(); err != nil {
		return config, err
	}
	config.ProviderCA, err = c.providerCA()
	return config, err
}

func dataDirectory(dev bool) string {
	if dev {
		return "idpool-dev"
	}
	return "idpool-data"
}

func (c *serveCommand) masterKey() ([]byte, error) {
	text, source := c.MasterKey, "IDPOOL_MASTER_KEY"
	if c.MasterKeyFile != "" {
		content, err := os.ReadFile(c.MasterKeyFile)
		if err != nil {
			return nil, fmt.Errorf("--master-key-file: %w", err)
		}
		text, source = string(content), c.MasterKeyFile
	} else if text == "" {
		return nil, nil
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return nil, &server.UsageError{Message: source + " holds no base64; make a key by: head -c 32 /dev/urandom | base64"}
	}
	return key, nil
}

// providers reads what the operator says of providers. A key that nobody knows is a mistake, as in the configuration file.
func (c *serveCommand) providers() (settings provider.Settings, err error) {
	if c.Providers == "" {
		return nil, nil
	}
	f, err := os.Open(c.Providers)
	if err != nil {
		return nil, fmt.Errorf("--providers: %w", err)
	}
	defer f.Close()
	d := yaml.NewDecoder(f)
	d.KnownFields(true)
	if err := d.Decode(&settings); err != nil && !errors.Is(err, io.EOF) {
		return nil, &server.UsageError{Message: "--providers " + c.Providers + ": " + err.Error() +
			"; write names of providers, and under each endpoint, issuer, check, secrets or limited-login"}
	}
	return settings, nil
}

func (c *serveCommand) providerCA() (*x509.CertPool, error) {
	if c.ProviderCA == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(c.ProviderCA)
	if err != nil {
		return nil, fmt.Errorf("--provider-ca: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, &server.UsageError{Message: "--provider-ca " + c.ProviderCA + " holds no certificate in PEM"}
	}
	return pool, nil
}

// isTerminal tells whether a person reads f. /dev/null is a character device too, so the file's mode does not say it.
func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
