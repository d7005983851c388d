package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"idpool/cognito"
	"idpool/iam"
	"idpool/issuer"
	"idpool/provider"
	"idpool/store"
	"idpool/sts"
	"idpool/wire"
)

// Server is a node.
type Server struct {
	config    Config
	locks     locks
	db        *store.DB
	master    *store.Master
	keys      *store.Keyring
	issuer    *issuer.Issuer
	iam       *iam.Service
	sts       *sts.Service
	cognito   *cognito.Service
	metrics   *metrics
	audit     *auditLog   // nil: none
	tls       *tls.Config // nil: plain http
	listener  net.Listener
	admin     net.Listener // nil: none
	socket    net.Listener // nil: none
	mux       *wire.Mux
	draining  atomic.Bool
	readiness readiness
	sweeps    chan struct{}
	limits    limits
	found     deployment    // what the database had when this start looked first
	newRoot   *iam.FreshKey // made by this start; nil: none
	devPool   string        // the sample pool's id; empty without --dev
}

// Open makes a node ready to serve. An error is a *UsageError, or says what to do.
func Open(ctx context.Context, c Config) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	s := &Server{config: c, sweeps: make(chan struct{}, 1), limits: usualLimits}
	if err := s.open(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Server) open(ctx context.Context) (err error) {
	c := &s.config
	if s.locks, err = lockNode(c.Data, c.Database); err != nil {
		return err
	}
	// What the operator may have got wrong comes before what a later start would find half made. A start that gets no address
	// or certificate leaves an empty data directory; one that the database speaks against (examine) leaves a database with its
	// tables, new ones too, and no key or setting in it or beside it.
	//
	// From here on the kernel takes connections into the port's backlog. They wait for Serve, and break off if the start
	// fails: whoever watches the port waits for /readyz, and not for the port.
	if err := s.listen(); err != nil {
		return err
	}
	if err := s.openAudit(); err != nil {
		return err
	}
	if s.db, err = openDatabase(ctx, c); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{
		s.examine, s.findMasterKey, s.settle, s.wire, s.refresh, s.openSocket, s.develop,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// listen takes the addresses, and reads the certificate.
func (s *Server) listen() (err error) {
	c := &s.config
	if c.TLSCert != "" {
		certificate, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		if err != nil {
			return fmt.Errorf("--tls-cert and --tls-key: %w", err)
		}
		s.tls = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	}
	if s.listener, err = net.Listen("tcp", c.Listen); err != nil {
		return fmt.Errorf("%w; choose another address by --listen", err)
	}
	if c.AdminListen == "" {
		return nil
	}
	if s.admin, err = net.Listen("tcp", c.AdminListen); err != nil {
		return fmt.Errorf("%w; choose another address by --admin-listen", err)
	}
	return nil
}

// Addr is the address that the node listens on.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// baseURL is the URL of this node, which is the issuer's where none was given.
func (s *Server) baseURL() string {
	scheme := "http"
	if s.config.TLSCert != "" {
		scheme = "https"
	}
	return scheme + "://" + s.Addr()
}

// wire makes the services.
func (s *Server) wire(context.Context) error {
	c := &s.config
	if c.IssuerURL == "" {
		c.IssuerURL = s.baseURL()
	}
	issuerURL, err := url.Parse(c.IssuerURL)
	if err != nil {
		return err
	}
	network := provider.Network{
		AllowLoopback: isLoopback(issuerURL.Hostname()), Private: c.ProviderNetworks, Own: s.ownAddresses,
		Roots: c.ProviderCA, InsecureHosts: c.InsecureHTTPProviders,
	}
	s.metrics = newMetrics(s.audit)
	s.keys = &store.Keyring{DB: s.db, Master: s.master, Now: c.Now, Rand: c.Rand}
	s.issuer = &issuer.Issuer{
		URL: c.IssuerURL, Algorithm: c.SigningAlgorithm, DB: s.db, Master: s.master, Now: c.Now, Rand: c.Rand, Log: c.Log,
	}
	s.iam = &iam.Service{
		DB: s.db, Master: s.master, Now: c.Now, Rand: c.Rand, Log: c.Log, FirstAccount: c.Account, Static: s.staticKeys(),
		CheckIssuer: func(u string) error { return checkProviderURL(&network, c.IssuerURL, u) },
	}
	verifies := &provider.Verifier{Now: c.Now, Network: network, Log: c.Log, Settings: c.Providers, SAMLRecipient: c.SAMLRecipient}
	s.sts = &sts.Service{DB: s.db, Keys: s.keys, IAM: s.iam, Issuer: s.issuer, Verifier: verifies, Now: c.Now, Rand: c.Rand}
	s.cognito = &cognito.Service{
		TokenLifetime: c.TokenLifetime, Quotas: c.Quotas,
		DB: s.db, Keys: s.keys, IAM: s.iam, Issuer: s.issuer, STS: s.sts, Rand: c.Rand, Log: c.Log,
		Verifier: verifies,
		Regions:  c.Regions, Sweep: s.sweep,
	}
	if err := s.iam.Init(); err != nil {
		return err
	}
	if err := s.cognito.Init(); err != nil {
		return err
	}
	verifier := &wire.Verifier{Keys: keys{s.iam, s.sts}, Now: c.Now}
	s.mux = wire.NewMux(verifier, s.observe, s.cognito.API(), s.sts.API(), s.iam.API(), s.adminAPI())
	return nil
}

// staticKeys are the root keys of the first account that are valid on this node and stored nowhere.
func (s *Server) staticKeys() []iam.StaticKey {
	var static []iam.StaticKey
	if k := s.config.RootKey; k != nil {
		static = append(static, iam.StaticKey{ID: k.ID, Secret: k.Secret, Account: s.config.Account})
	}
	if s.config.Dev {
		static = append(static, iam.StaticKey{ID: "test", Secret: "test", Account: s.config.Account})
	}
	return static
}

// checkProviderURL refuses our own issuer, by its URL and by the name that it has inside, as an outside provider.
func checkProviderURL(n *provider.Network, own, issuerURL string) error {
	u, err := url.Parse(issuerURL)
	if err != nil {
		return errors.New("not a URL")
	}
	ownURL, err := url.Parse(own)
	if err != nil {
		return err
	}
	if hostPort(u) == hostPort(ownURL) || hostName(u) == issuer.Name {
		return errors.New("this server itself cannot be an outside provider")
	}
	return n.CheckIssuer(issuerURL)
}

// hostName is a URL's host in its one spelling: lower case, no dot at the end.
func hostName(u *url.URL) string { return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".") }

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[strings.ToLower(u.Scheme)]
	}
	return net.JoinHostPort(hostName(u), port)
}

// keys finds a signer's key: temporary credentials bring a session token, others do not.
type keys struct {
	iam *iam.Service
	sts *sts.Service
}

func (k keys) Key(ctx context.Context, id, session string) (wire.Key, error) {
	if session != "" {
		return k.sts.Key(ctx, id, session)
	}
	return k.iam.Key(ctx, id)
}

func (s *Server) ownAddresses() []netip.AddrPort {
	var own []netip.AddrPort
	for _, l := range []net.Listener{s.listener, s.admin} {
		if l == nil {
			continue
		}
		if addr, err := netip.ParseAddrPort(l.Addr().String()); err == nil {
			own = append(own, addr)
		}
	}
	return own
}

// openSocket opens the door for other commands on this machine.
func (s *Server) openSocket(ctx context.Context) (err error) {
	path := filepath.Join(s.config.Data, SocketName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	// Never wider than 0600, not even for a moment: whoever connects is the root. Linux gives the file the mode of the socket, here
	// before it has a name; elsewhere this fails, and until Chmod the folder keeps strangers out. The process's umask would do for
	// both, but is every goroutine's.
	private := net.ListenConfig{Control: func(_, _ string, socket syscall.RawConn) error {
		return socket.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) })
	}}
	if s.socket, err = private.Listen(ctx, "unix", path); err == nil {
		return os.Chmod(path, 0o600)
	}
	// A path of more than 107 bytes is the usual reason.
	s.config.Log.Warn("no socket for other commands; use --endpoint with them", "path", path, "error", err.Error())
	s.socket = nil
	return nil
}

// refreshEvery is how often a node looks for new keys of other nodes, and for changes of state that are due.
const refreshEvery = time.Minute

func (s *Server) refresh(ctx context.Context) error {
	if err := s.keys.Refresh(ctx); err != nil {
		return explainMaster(err)
	}
	return explainMaster(s.issuer.Refresh(ctx))
}

func explainMaster(err error) error {
	if errors.Is(err, store.ErrMaster) {
		return fmt.Errorf("%w; give the master key that this database was made with, by --master-key-file or IDPOOL_MASTER_KEY", err)
	}
	return err
}

func (s *Server) sweep() {
	select {
	case s.sweeps <- struct{}{}:
	default: // one is due already
	}
}

// every does something now and then, until the context ends: each minute, and whenever it is asked to.
func (s *Server) every(ctx context.Context, what string, asked <-chan struct{}, do func(context.Context) error) {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
		case <-tick.C:
		}
		if err := do(ctx); err != nil && ctx.Err() == nil {
			s.config.Log.Warn(what+" failed; it is tried again in a minute", "error", err.Error())
		}
	}
}

// Serve answers until the context ends. Then /readyz says so and replies close their connections for the drain time, so
// that balancers look elsewhere; then the listeners close, and what runs is finished.
func (s *Server) Serve(ctx context.Context) error {
	main := s.httpServer(s.handler())
	main.TLSConfig = s.tls
	failed := make(chan error, 3)
	start := func(l net.Listener, serve func(net.Listener) error) {
		go func() {
			if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		}()
	}
	servers := []*http.Server{main}
	if main.TLSConfig != nil {
		start(s.listener, func(l net.Listener) error { return main.ServeTLS(l, "", "") })
	} else {
		start(s.listener, main.Serve)
	}
	if s.admin != nil {
		beside := s.httpServer(s.adminHandler())
		servers = append(servers, beside)
		start(s.admin, beside.Serve)
	}
	if s.socket != nil {
		beside := s.httpServer(s.socketHandler())
		servers = append(servers, beside)
		start(s.socket, beside.Serve)
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var working sync.WaitGroup
	s.sweep() // what an earlier run has left
	working.Go(func() {
		s.every(background, "sweeping what deleted pools and used assertions have left", s.sweeps, s.db.Sweep)
	})
	working.Go(func() { s.every(background, "looking for new keys", nil, s.refresh) })
	defer working.Wait()
	defer stop()

	s.announce()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	return s.shutdown(servers)
}

func (s *Server) shutdown(servers []*http.Server) error {
	s.draining.Store(true)
	s.config.Log.Info("draining", "for", s.config.Drain.String())
	time.Sleep(s.config.Drain)
	ctx, cancel := context.WithTimeout(context.Background(), s.limits.shutdown)
	defer cancel()
	var failed error
	for _, server := range servers {
		if err := server.Shutdown(ctx); err != nil {
			failed = err
		}
	}
	s.config.Log.Info("stopped")
	if ctx.Err() != nil && failed != nil {
		return fmt.Errorf("calls that were not finished after %v are broken off", s.limits.shutdown)
	}
	return failed
}

// Close gives back everything that Open took.
func (s *Server) Close() {
	for _, c := range []io.Closer{s.listener, s.admin, s.socket} {
		if c != nil {
			_ = c.Close()
		}
	}
	if s.audit != nil {
		s.audit.Close()
	}
	if s.db != nil {
		if err := s.db.Close(); err != nil {
			s.config.Log.Warn("closing the database failed", "error", err.Error())
		}
	}
	_ = s.locks.Close()
}
