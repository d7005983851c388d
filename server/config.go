package server

import (
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"idpool/cognito"
	"idpool/iam"
	"idpool/issuer"
	"idpool/provider"
	"idpool/store"
)

// Config is what an operator chooses. The zero value of a field is what a node without configuration does.
type Config struct {
	Listen           string // host:port
	AdminListen      string // metrics and pprof; empty: nowhere
	Data             string // directory
	Database         string // SQLite path or postgres:// URL; empty: idpool.db in Data
	DatabaseReplica  string // postgres:// URL of a hot standby for lists; empty: none
	NoMigrate        bool   // do not start on an older schema
	IssuerURL        string // scheme and host[:port]; empty: the listen address
	ChangeIssuerURL  bool   // take an IssuerURL that differs from the stored one
	Account          string // first account; empty: the stored one, or DefaultAccount
	TLSCert, TLSKey  string // files
	SigningAlgorithm string // of issuer.Algorithms; empty: what the deployment has, at its first start the first

	RootKey                  *iam.StaticKey // root key of the first account, never stored
	MasterKey                []byte         // 32 bytes; nil: one is made and kept
	RequireExternalMasterKey bool

	DatabaseTimeout time.Duration // of what is asked of PostgreSQL; 0: DefaultDatabaseTimeout

	Dev                   bool
	Drain                 time.Duration
	Regions               []string       // empty: any
	ProviderNetworks      []netip.Prefix // private ranges that providers may be in
	ProviderCA            *x509.CertPool // authorities beside the system's; nil: none
	InsecureHTTPProviders []string       // hosts
	TrustedProxies        []netip.Prefix // whose X-Forwarded headers count

	Providers     provider.Settings // what the operator says of social providers and user pools
	SAMLRecipient string            // a URL that SAML responses may be sent to, beside Amazon's; empty: none
	TokenLifetime time.Duration     // of GetOpenIdToken; 0: issuer.TokenLifetime
	Quotas        cognito.Quotas    // a zero is the default

	AuditLog   string // a file, or "-" for Out; empty: none
	Log        *slog.Logger
	Out        io.Writer // what a person reads at the start, or the audit's events
	IsTerminal bool      // a person reads Out: secrets may be shown
	Now        func() time.Time
	Rand       io.Reader
}

// Defaults.
const (
	DefaultAccount = "000000000000"
	DefaultListen  = "127.0.0.1:7400"

	DefaultDatabaseTimeout = 10 * time.Second
)

// UsageError is a mistake in what the operator asked for.
type UsageError struct{ Message string }

func (e *UsageError) Error() string { return e.Message }

func usage(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

var region = regexp.MustCompile(`^[a-z0-9-]{1,18}$`)

// check refuses what could not work, before anything is touched, and fills in defaults.
func (c *Config) check() error {
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.Database == "" {
		c.Database = filepath.Join(c.Data, databaseName)
	}
	if c.TokenLifetime == 0 {
		c.TokenLifetime = issuer.TokenLifetime
	}
	if err := c.checkDatabase(); err != nil {
		return err
	}
	switch {
	case c.TokenLifetime < time.Second || c.TokenLifetime > issuer.MaxTokenLifetime:
		return usage("--token-lifetime %v: give 1s to %v", c.TokenLifetime, issuer.MaxTokenLifetime)
	case c.Data == "":
		return usage("give --data, the directory that this node keeps its files in")
	case c.Account != "" && !iam.ValidAccount(c.Account):
		return usage("--account %s: an account has 12 digits", c.Account)
	case c.SigningAlgorithm != "" && !slices.Contains(issuer.Algorithms(), c.SigningAlgorithm):
		return usage("--signing-algorithm %s: give one of %s", c.SigningAlgorithm, strings.Join(issuer.Algorithms(), ", "))
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return usage("--tls-cert and --tls-key belong together")
	case c.RequireExternalMasterKey && c.MasterKey == nil:
		return usage("--require-external-master-key: give the key by --master-key-file or IDPOOL_MASTER_KEY")
	case c.MasterKey != nil && len(c.MasterKey) != store.MasterKeySize:
		return usage("the master key has %d bytes; it must have 32, written in base64", len(c.MasterKey))
	}
	if u, err := url.Parse(c.SAMLRecipient); c.SAMLRecipient != "" && (err != nil || u.Scheme == "" || u.Host == "") {
		return usage("--saml-recipient %s: give the URL that the identity provider writes as Recipient, such as https://id.example.com/saml", c.SAMLRecipient)
	}
	if err := c.Providers.Validate(); err != nil {
		return usage("--providers: %v", err)
	}
	if err := c.Quotas.Complete(); err != nil {
		return &UsageError{err.Error()}
	}
	for _, r := range c.Regions {
		if !region.MatchString(r) {
			return usage("--regions: %q is no region; one has 1 to 18 lower-case letters, digits and hyphens", r)
		}
	}
	if err := c.checkIssuer(); err != nil {
		return err
	}
	return c.checkDev()
}

func (c *Config) checkDatabase() error {
	if c.DatabaseTimeout == 0 {
		c.DatabaseTimeout = DefaultDatabaseTimeout
	}
	if c.DatabaseTimeout < 100*time.Millisecond {
		return usage("--database-timeout %v: give 100ms or more", c.DatabaseTimeout)
	}
	if c.DatabaseReplica == "" {
		return nil
	}
	if err := store.CheckURL(c.DatabaseReplica); err != nil {
		return usage("--database-replica: %v", err)
	}
	switch {
	case !isPostgres(c.DatabaseReplica): // the text may hold a password, so it is not repeated
		return usage("--database-replica: give the postgres:// URL of a hot standby")
	case !isPostgres(c.Database):
		return usage("--database-replica is for a --database on PostgreSQL; a SQLite file has no replica")
	}
	return nil
}

// isPostgres tells whether a database is on PostgreSQL, or what speaks its protocol, and not in a SQLite file.
func isPostgres(database string) bool {
	return strings.HasPrefix(database, "postgres://") || strings.HasPrefix(database, "postgresql://")
}

func (c *Config) checkIssuer() error {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return usage("--listen %s: give host:port", c.Listen)
	}
	if c.IssuerURL == "" {
		return nil
	}
	u, err := url.Parse(c.IssuerURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return usage("--issuer-url %s: give scheme and host, perhaps a port, and no path, such as https://id.example.com", c.IssuerURL)
	}
	return nil
}

func hostOf(listen string) string {
	host, _, _ := net.SplitHostPort(listen)
	return host
}

func (c *Config) checkDev() error {
	if !c.Dev {
		return nil
	}
	if !isLoopback(hostOf(c.Listen)) {
		return usage("--dev has root keys that everybody knows: it listens on loopback addresses only, not on %s", c.Listen)
	}
	if c.AdminListen != "" && !isLoopback(hostOf(c.AdminListen)) {
		return usage("--dev is for this machine alone: --admin-listen must be a loopback address")
	}
	if c.IssuerURL != "" {
		if u, _ := url.Parse(c.IssuerURL); !isLoopback(u.Hostname()) {
			return usage("--dev is for this machine alone: --issuer-url must be a loopback address")
		}
	}
	return nil
}

// isLoopback tells whether a host can mean nothing but this machine.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.Unmap().IsLoopback()
}
