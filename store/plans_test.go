package store

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// hot is a statement that large tables must not slow down.
type hot struct {
	name string
	q    *stmt
	args []any

	// How many partitions of identities and of logins it may look into, where there are 16. -1 is for what may read more than it
	// needs there, as docs/scale.md says.
	identities, logins int
}

// hotStatements are the statements of public calls, of lists, and of the sweeper, about an identity of a crowd.
func hotStatements(c crowd, n int) []hot {
	pool := c.poolOf(n)
	key, id, account, poolID := c.poolKey(pool), c.identity(n), c.account(pool), c.poolID(pool)
	hash, other := c.logins(n)[0].Hash(), c.identity(n+1)
	hashes := []any{regionR, poolID[:]}
	for range MaxLogins {
		hashes = append(hashes, hash[:])
	}
	fresh, freshHash := draw('f', n), draw('g', n)
	return []hot{
		{"pool", findPool, []any{regionR, poolID[:]}, 0, 0},
		{"login to identity", findPoolAndOwner, []any{regionR, poolID[:], hash[:]}, 1, 1},
		{"ten logins to identities", findPoolAndOwners, hashes, 1, -1},
		{"identity with its logins and pool", findIdentity, []any{id[:], regionR}, 1, 16},
		{"identity of a pool", identityOfPool, []any{id[:], key}, 1, 16},
		{"developer look-up", ownerOf, []any{key, hash[:]}, 0, 1},
		{"page of a pool", identityPage, []any{key, id[:], false, int64(61)}, 16, 16},
		{"first page of a pool", identityPage, []any{key, []byte{}, true, int64(61)}, 16, 16},
		{"settings of a pool", poolByKey, []any{key}, 0, 0},
		{"pool of a scope", poolOfScope, []any{account, regionR, poolID[:]}, 0, 0},
		{"page of pools", poolPage, []any{account, regionR, []byte{}, int64(61)}, 0, 0},
		{"count of pools", poolCount, []any{account, regionR}, 0, 0},
		{"regions of an account", regionsOf, []any{account}, 0, 0},
		{"new identity", insertIdentity, []any{fresh[:16], key, int64(1)}, 1, 0},
		{"new login", insertLogin, []any{key, freshHash[:], id[:], []byte("p"), []byte("s"), int64(1)}, 0, 1},
		{"unlinked login", removeLogin, []any{key, hash[:]}, 0, 1},
		{"logins of a merged identity", moveLogins, []any{id[:], other[:]}, 0, 16},
		{"disabled identity", disableIdentity, []any{id[:], int64(1)}, 1, 0},
		{"touched identity", touchIdentity, []any{id[:], int64(1)}, 1, 0},
		{"revoked identity", revokeIdentity, []any{id[:]}, 1, 0},
		{"logins of a deleted identity", deleteLogins, []any{id[:]}, 0, 16},
		{"deleted identity", deleteIdentity, []any{id[:]}, 1, 0},
		{"pool to sweep", unsweptPool, nil, 0, 0},
		{"logins to sweep", sweepLogins, []any{key, int64(SweepBatch)}, -1, -1},
		{"identities to sweep", sweepIdentities, []any{key, int64(SweepBatch)}, -1, -1},
	}
}

// largeTable is the table that a relation is, or is a partition of.
var largeTable = regexp.MustCompile(`^(identities|logins|pools)(_p\d+)?$`)

// planNode is a node of a plan of PostgreSQL, as EXPLAIN tells it.
type planNode struct {
	Type      string     `json:"Node Type"`
	Relation  string     `json:"Relation Name"`
	Index     string     `json:"Index Name"`
	IndexCond string     `json:"Index Cond"`
	Rows      float64    `json:"Actual Rows"`
	Removed   float64    `json:"Rows Removed by Filter"`
	Loops     float64    `json:"Actual Loops"`
	Plans     []planNode `json:"Plans"`
}

// each calls f for a node and all below it.
func (n *planNode) each(f func(*planNode)) {
	f(n)
	for i := range n.Plans {
		n.Plans[i].each(f)
	}
}

// explain runs a statement and gives its plan; the database stays as it is. mode is PostgreSQL's plan_cache_mode: whether it
// plans for these arguments, for any, or what it finds cheaper, as it does unless told otherwise.
func explain(t *testing.T, conn *pgx.Conn, h hot, mode string) (root planNode, text string) {
	t.Helper()
	pgExec(t, conn, "BEGIN; SET LOCAL plan_cache_mode = "+mode+"; PREPARE hot AS "+h.q.text[postgres])
	defer pgExec(t, conn, "ROLLBACK; DEALLOCATE hot")
	call := "EXECUTE hot"
	if len(h.args) > 0 {
		call += "(" + strings.Join(literals(h.args), ", ") + ")"
	}
	for range 6 { // of these the server learns which kind of plan is cheaper
		pgExec(t, conn, "EXPLAIN "+call)
	}
	results, err := conn.PgConn().Exec(t.Context(), "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, FORMAT JSON) "+call).ReadAll()
	must(t, err)
	text = string(results[0].Rows[0][0])
	var plans []struct{ Plan planNode }
	must(t, json.Unmarshal([]byte(text), &plans))
	return plans[0].Plan, text
}

func literals(args []any) (all []string) {
	for _, arg := range args {
		switch arg := arg.(type) {
		case []byte:
			all = append(all, fmt.Sprintf(`'\x%x'`, arg))
		case string:
			all = append(all, "'"+arg+"'")
		default:
			all = append(all, fmt.Sprint(arg))
		}
	}
	return all
}

// checkPlan says what is wrong with a plan: large tables are found by conditions on their indexes, and little of them is read.
func checkPlan(root *planNode, h hot, partitioned bool) (wrong []string) {
	const most = 1000 // rows
	loose := partitioned && h.logins < 0
	looked := map[string][]string{}
	root.each(func(n *planNode) {
		m := largeTable.FindStringSubmatch(n.Relation)
		if n.Type == "Bitmap Index Scan" && n.IndexCond == "" {
			wrong = append(wrong, "all of the index "+n.Index)
		}
		if m == nil || n.Type == "ModifyTable" {
			return
		}
		switch {
		case strings.Contains(n.Type, "Seq Scan") && !(loose && h.identities < 0):
			wrong = append(wrong, "a sequential scan of "+n.Relation)
		case strings.HasPrefix(n.Type, "Index") && n.IndexCond == "" && n.Index != "pools_unswept": // which has those alone
			wrong = append(wrong, "all of the index "+n.Index)
		case (n.Rows+n.Removed)*n.Loops > most && !loose:
			wrong = append(wrong, fmt.Sprintf("%.0f rows of %s", (n.Rows+n.Removed)*n.Loops, n.Relation))
		}
		if n.Loops > 0 && !slices.Contains(looked[m[1]], n.Relation) {
			looked[m[1]] = append(looked[m[1]], n.Relation)
		}
	})
	for table, limit := range map[string]int{"identities": h.identities, "logins": h.logins} {
		if got := len(looked[table]); partitioned && limit >= 0 && got > limit {
			wrong = append(wrong, fmt.Sprintf("%d partitions of %s, not %d", got, table, limit))
		}
	}
	return wrong
}

// On PostgreSQL with many identities, in one table and in partitions, no hot statement reads a large table through.
func TestPlans(t *testing.T) {
	size, figures := crowdSize(t)
	c := crowd{size}
	for _, layout := range []string{"whole tables", "hash partitions"} {
		t.Run(layout, func(t *testing.T) {
			url := pgURL(t)
			db, conn := openAt(t, url, Options{}), pgDirect(t, url)
			partitioned := layout == "hash partitions"
			modes := []string{"force_custom_plan", "force_generic_plan", "auto"}
			if partitioned {
				modes = []string{"force_custom_plan", "auto"}
				script, err := os.ReadFile("../scripts/partition.sql")
				must(t, err)
				pgExec(t, conn, string(script))
			}
			c.load(t, conn)
			for _, n := range []int{1, 12, c.size/2 + 1} { // of large pools and of small ones
				for _, h := range hotStatements(c, n) {
					for _, mode := range modes {
						root, text := explain(t, conn, h, mode)
						if wrong := checkPlan(&root, h, partitioned); wrong != nil {
							t.Errorf("%s, %s: %q\n%s", h.name, mode, wrong, text)
						}
					}
				}
			}
			if figures {
				c.figures(t, db, conn)
			}
		})
	}
}

// On SQLite the plan of a statement does not depend on how many rows there are.
func TestPlansOfSQLite(t *testing.T) {
	db := openLite(t, Options{})
	c := crowd{10}
	for _, h := range hotStatements(c, 1) {
		rows, err := db.lite.writer.conn.conn.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+h.q.text[sqlite], h.args...)
		must(t, err)
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			must(t, rows.Scan(&id, &parent, &unused, &detail))
			plan = append(plan, detail)
		}
		must(t, rows.Err())
		for _, line := range plan {
			of, scans := strings.CutPrefix(line, "SCAN ")
			name, _, _ := strings.Cut(of, " ")
			// What a subquery has made is read through.
			if scans && of != "pools USING INDEX pools_unswept" && !slices.Contains(plan, "CO-ROUTINE "+name) && !slices.Contains(plan, "MATERIALIZE "+name) && of != "CONSTANT ROW" {
				t.Errorf("%s: %q", h.name, plan)
			}
		}
	}
}
