package store

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
)

// What a server may take that has gone without a word, as a host does that drops packets. Within a transaction nothing is
// waited for longer than Options.Timeout.
const (
	pgConnectTimeout = 3 * time.Second // a new connection, to each host of the URL; connect_timeout there counts more
	pgPingTimeout    = time.Second     // a connection that nobody has used for a second; likewise pool_ping_timeout

	// pgGrace is how long a statement goes on after its context has ended. It nearly always ends within it, which saves
	// the connection; so callers who hang up don't make the server start processes. After it the connection is given up, and
	// the server is asked to cancel the statement, unless COMMIT is on its way (see sparesCommit). A connection is never used
	// again after that: the request can come late, and would then hit another transaction.
	pgGrace = time.Second
)

// pgMode is the URL's setting of how statements are sent.
const pgMode = "default_query_exec_mode"

// openPgPool prepares connections; none is made yet.
func openPgPool(ctx context.Context, config *pgxpool.Config) (*pgxpool.Pool, error) {
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = pgConnectTimeout
	}
	if config.PingTimeout == 0 {
		config.PingTimeout = pgPingTimeout
	}
	config.ConnConfig.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.DeadlineContextWatcherHandler{Conn: c.Conn(), DeadlineDelay: pgGrace}
	}
	config.BeforeConnect = sparesCommit
	return pgxpool.NewWithConfig(ctx, config)
}

// pgCommitting is the name under which a connection keeps its *atomic.Bool: COMMIT has been sent, and not been answered.
const pgCommitting = "idpool.committing"

var errCommitting = errors.New("no request to cancel while COMMIT is under way")

// sparesCommit has a connection send no request to cancel its COMMIT. PostgreSQL would end the wait for the synchronous standby
// and show the rows to everybody, though a standby that takes over does not have them; a client's repeat would find them, and be
// acknowledged. pgconn makes such a request by itself whenever it gives up a connection, whatever the cause, and dials for it
// as the connection itself was dialled.
func sparesCommit(_ context.Context, config *pgx.ConnConfig) error {
	committing, dial := new(atomic.Bool), config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if committing.Load() {
			return nil, errCommitting
		}
		return dial(ctx, network, address)
	}
	config.AfterConnect = func(_ context.Context, conn *pgconn.PgConn) error {
		conn.CustomData()[pgCommitting] = committing
		return nil
	}
	return nil
}

// committing is true from before COMMIT is sent until it is answered, and stays so on a connection that was lost meanwhile.
func committing(conn *pgx.Conn) *atomic.Bool {
	return conn.PgConn().CustomData()[pgCommitting].(*atomic.Bool)
}

// chooseMode asks the server how statements are best sent, where the URL does not say it. Prepared statements save the server
// their planning, and live as long as the connection. A pooler, such as PgBouncer in transaction mode, gives every
// transaction another connection: behind it a statement is described once and then sent whole, in as many round trips.
func chooseMode(ctx context.Context, url string, config *pgx.ConnConfig) error {
	if strings.Contains(url, pgMode) {
		return nil
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	pooled, err := behindPooler(ctx, config)
	if err == nil && !pooled {
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	}
	return err
}

// behindPooler tells whether somebody stands between us and the server. The number that a server gives its process when it
// greets a client is the one that it tells when it is asked; a pooler invents its own for the greeting.
func behindPooler(ctx context.Context, config *pgx.ConnConfig) (bool, error) {
	config = config.Copy()
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = pgConnectTimeout
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false, err
	}
	defer conn.Close(ctx)
	var pid uint32
	err = conn.QueryRow(ctx, pgPID, pgx.QueryExecModeSimpleProtocol).Scan(&pid)
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code == pgUndefinedFunction { // no PostgreSQL: sure is sure
		return true, nil
	}
	return pid != conn.PgConn().PID(), err
}

const pgPID = `SELECT pg_backend_pid()`

// limited runs do for no longer than p.timeout, which the caller's context may cut shorter. What is not answered by then is
// ErrUnavailable.
func (p *postgresDB) limited(ctx context.Context, do func(context.Context) error) error {
	if p.timeout == 0 {
		return do(ctx)
	}
	limited, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	err := do(limited)
	if err == nil || limited.Err() == nil || ctx.Err() != nil || errors.Is(err, ErrUnavailable) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) || repeatable(err) { // %v: it is not the caller's deadline
		return fmt.Errorf("%w: no answer within %v: %v", ErrUnavailable, p.timeout, err)
	}
	return err
}

// advice says what to do where a server's certificate is refused.
func advice(err error) error {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	switch {
	case errors.As(err, &authority):
		return fmt.Errorf("%w; no authority that is known here vouches for the server: name the file of its authority's certificate by "+
			"sslrootcert in the URL", err)
	case errors.As(err, &host):
		return fmt.Errorf("%w; the server's certificate is for another name: write the name that it is for into the URL", err)
	}
	return err
}
