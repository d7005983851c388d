package store

import (
	"context"
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
	pgConnectTimeout = 3 * time.Second  // a new connection, to each host of the URL; connect_timeout there counts more
	pgPatience       = 30 * time.Second // what a start asks before there is a transaction
	pgPingTimeout    = time.Second      // a connection that nobody has used for a second; likewise pool_ping_timeout

	// pgGrace is how long a statement goes on after its context has ended. It nearly always ends within it, which saves
	// the connection; so callers who hang up don't make the server start processes. After it the connection is given up, and
	// the server is asked to cancel the statement, unless COMMIT is on its way (see sparesCommit). A connection is never used
	// again after that: the request can come late, and would then hit another transaction.
	pgGrace = time.Second
)

// pgMode is the URL's setting of how statements are sent.
const pgMode = "default_query_exec_mode"

// parsePg reads a URL, and sets what it leaves open.
func parsePg(url string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, advised(err) // its text masks the password
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = pgConnectTimeout
	}
	if config.PingTimeout == 0 {
		config.PingTimeout = pgPingTimeout
	}
	return config, nil
}

// parsePrimary reads the URL of the server that takes writes. Each new connection is asked whether it leads there, in one round
// trip, unless the URL says what else is wanted: of several hosts some are standbys, and one address, a balancer's, may lead to
// a server that was the primary. What is read there may be of the past: a role that was changed, a session that was revoked.
func parsePrimary(url string) (*pgxpool.Config, error) {
	config, err := parsePg(url)
	if err == nil && config.ConnConfig.ValidateConnect == nil && !strings.Contains(url, pgSession) {
		config.ConnConfig.ValidateConnect = takesWrites
	}
	return config, err
}

// pgSession is the URL's setting of which servers will do.
const pgSession = "target_session_attrs"

var errStandby = errors.New("the server takes no writes: name the primary in the URL, or all servers, as in postgres://a,b/idpool")

func takesWrites(ctx context.Context, conn *pgconn.PgConn) error {
	err := pgconn.ValidateConnectTargetSessionAttrsReadWrite(ctx, conn)
	if errors.Is(err, pgconn.ErrReadOnlyConnection) {
		return errStandby
	}
	return err
}

// openPgPool prepares connections; none is made yet.
func openPgPool(ctx context.Context, config *pgxpool.Config) (*pgxpool.Pool, error) {
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
// transaction another connection: behind it a statement is described once and then sent whole, in as many round
// trips. It tells whether it has found one.
func chooseMode(ctx context.Context, url string, config *pgx.ConnConfig, patience time.Duration) (pooled bool, err error) {
	if strings.Contains(url, pgMode) {
		return false, nil
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	conn, err := connect(ctx, config)
	if err != nil {
		return false, err
	}
	defer conn.Close(ctx)
	err = limited(ctx, patience, func(ctx context.Context) (err error) {
		pooled, err = behindPooler(ctx, conn)
		if err == nil && !pooled {
			config.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
		}
		return fromStart(ctx, pgBackend, err)
	})
	return pooled, err
}

// connect makes a connection of a start's own.
func connect(ctx context.Context, config *pgx.ConnConfig) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	return conn, fromStart(ctx, pgConnect, err)
}

// behindPooler tells whether somebody stands between us and the server. The number that a server gives its process when it
// greets a client is the one that it tells when it is asked; a pooler invents its own for the greeting.
func behindPooler(ctx context.Context, conn *pgx.Conn) (bool, error) {
	var pid uint32
	err := conn.QueryRow(ctx, pgBackend.text[postgres], pgx.QueryExecModeSimpleProtocol).Scan(&pid)
	if pgCode(err) == pgUndefinedFunction { // no PostgreSQL: sure is sure
		return true, nil
	}
	return pid != conn.PgConn().PID(), err
}

var pgBackend = fixed(`SELECT pg_backend_pid()`)

// limited runs do for no longer than limit, 0 for none, which the caller's context may cut shorter. What is not answered by
// then is ErrUnavailable.
func limited(ctx context.Context, limit time.Duration, do func(context.Context) error) error {
	if limit == 0 {
		return do(ctx)
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := do(within)
	if err == nil || within.Err() == nil || ctx.Err() != nil || errors.Is(err, ErrUnavailable) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) || repeatable(err) { // %v: it is not the caller's deadline
		return fmt.Errorf("%w: no answer within %v: %v", ErrUnavailable, limit, err)
	}
	return err
}
