package store

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"idpool/internal/pgtest"

	"github.com/jackc/pgx/v5"
)

// suite are the tests that run on both engines; behind a pooler they must all pass, without a setting.
const suite = "^(TestUpdateCommitsAndViewReads|TestExecCountTellsRows|TestValuesComeBack|TestQueuedViolationIsErrExistsOfUpdate|" +
	"TestFailedStatementFailsTheTransaction|TestWriteSkewIsPrevented|TestNoUpdateIsLost|TestContextsThatEnd|TestIdentities|TestOwners|" +
	"TestAbsorb.*|TestUnlink|TestDisableAndDeleteIdentity|TestSweep.*|TestKeyring.*|TestProviders|TestPolic.*|TestRole.*|TestPrincipalPolicies|" +
	"TestAttachAtTheQuota|TestPool.*|TestKeysAndSettings|TestSAMLProviders|TestBindAssertion.*|TestUser.*|TestSigner.*|TestViewSeesOneSnapshot|" +
	"TestOpenManyAtOnce|TestTwoNodesTakeOneLogin)$"

// The suite runs through PgBouncer in transaction mode with few connections to the server. The run is another process, for
// which the pooler is the server.
func TestSuiteThroughPgBouncer(t *testing.T) {
	bouncer := pgtest.NewOwn(t, nil).Bouncer(t, 10)
	run := exec.Command(os.Args[0], "-test.run", suite+"/postgres$", "-test.skip", "TestPoolSettings", "-test.v")
	run.Env = append(os.Environ(), pgtest.Env+"="+bouncer)
	out, err := run.CombinedOutput()
	if passed := strings.Count(string(out), "/postgres ("); err != nil || passed < 30 {
		t.Errorf("%d tests: %v\n%s", passed, err, out)
	}
}

// What stands before the server is found out, and told.
func TestModeBehindPooler(t *testing.T) {
	server := pgtest.NewOwn(t, nil)
	bouncer := server.Bouncer(t, 2)
	for _, row := range []struct {
		url  string
		want pgx.QueryExecMode
		says string
	}{
		{server.URL(), pgx.QueryExecModeCacheStatement, "postgres"},
		{bouncer, pgx.QueryExecModeCacheDescribe, "postgres behind a pooler"},
		{bouncer + "&default_query_exec_mode=exec", pgx.QueryExecModeExec, "postgres"},
		{server.URL() + "&default_query_exec_mode=cache_describe", pgx.QueryExecModeCacheDescribe, "postgres"},
	} {
		db := openAt(t, row.url, Options{})
		if got := db.pg.pool.Config().ConnConfig.DefaultQueryExecMode; got != row.want || db.Describe() != row.says {
			t.Errorf("%s: %v, not %v, and it is %q", row.url, got, row.want, db.Describe())
		}
	}
	if got := openLite(t, Options{}).Describe(); got != "sqlite" {
		t.Errorf("SQLite is %q", got)
	}
}

// Many nodes with many connections share four of the server's, from the first migration on.
func TestManyNodesBehindPgBouncer(t *testing.T) {
	bouncer := pgtest.NewOwn(t, nil).Bouncer(t, 4)
	const nodes, writers, rounds = 4, 8, 10
	dbs := make([]*DB, nodes)
	var all sync.WaitGroup
	for i := range dbs {
		all.Go(func() { dbs[i] = openAt(t, bouncer+"&pool_max_conns=8", Options{}) })
	}
	all.Wait()
	must(t, dbs[0].Update(t.Context(), func(tx *Tx) error { return tx.exec(testCounter, "a", int64(0)) }))
	done := make([]int, nodes*writers)
	for w := range done {
		all.Go(func() {
			db := dbs[w%nodes]
			for r := range rounds {
				err := errors.Join(
					db.Update(t.Context(), put(fmt.Sprint(w, " ", r))),
					db.View(t.Context(), func(tx *Tx) error {
						var n int64
						var value []byte
						return errors.Join(tx.row(testRead, []any{"a"}, &n), tx.row(testGet, []any{fmt.Sprint(w, " ", r)}, &value))
					}),
				)
				if err != nil {
					t.Errorf("writer %d, round %d: %v", w, r, err)
					return
				}
				done[w]++
			}
		})
	}
	all.Wait()
	if n := len(names(t, dbs[0])); n != nodes*writers*rounds {
		t.Errorf("%d rows are there, of %d", n, nodes*writers*rounds)
	}
}
