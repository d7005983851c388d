package e2e

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity/types"
)

var failovers = flag.Int("failovers", 1, "how often TestFailover and TestPatroni lose a primary")

// TestFailover loses the primary of the database amid the work of 64 writers at three nodes. The synchronous standby is
// promoted, the nodes find it by themselves, and all that was acknowledged is there.
func TestFailover(t *testing.T) { // not beside other tests, as the time without service is measured
	for _, lose := range []struct {
		by      string
		primary func(*postgres, testing.TB)
	}{
		{"kill -9", (*postgres).crash},
		{"silence", (*postgres).freeze},
	} {
		for range *failovers {
			t.Run(lose.by, func(t *testing.T) { failOver(t, lose.primary) })
		}
	}
}

func failOver(t *testing.T, lose func(*postgres, testing.TB)) {
	primary := startPostgres(t)
	standby := primary.startStandby(t)
	nodes, _ := startNodes(t, 3, "--database", postgresURL(primary.port, standby.port),
		"--issuer-url", sharedIssuer, "--signing-algorithm", "ES256")
	r := startRecorder(t, nodes[0], nodes)
	r.awaitDeeds(t, 1000)
	lose(primary, t)
	lost := time.Now()
	standby.promote(t)
	t.Logf("the standby is primary after %s", time.Since(lost).Round(time.Millisecond))
	r.awaitRecovery(t, nodes)
	r.end(t)
	r.report(t, lost)
	r.check(t, nodes)
}

// TestStandbyInTheURL gives a node the addresses of both servers, that of the standby first, and does not say which to take.
// What it reads is what was written, also while the standby is behind.
func TestStandbyInTheURL(t *testing.T) {
	t.Parallel()
	primary := startPostgres(t)
	standby := primary.startStandby(t)
	nodes, _ := startNodes(t, 1, "--issuer-url", sharedIssuer, "--database",
		fmt.Sprintf("postgres://postgres@127.0.0.1:%d,127.0.0.1:%d/postgres?sslmode=disable", standby.port, primary.port))
	standby.sql(t, "SELECT pg_wal_replay_pause()")
	for range 20 { // by all connections that there are
		pool := setUpForGuests(t, nodes[0])
		if _, there := listPools(t, nodes[0])[pool]; !there {
			t.Errorf("%s was made, and is not listed", pool)
		}
	}
}

// awaitRecovery waits until all nodes are ready, and the writers have done much again.
func (r *recorder) awaitRecovery(t testing.TB, nodes []*node) {
	t.Helper()
	for _, n := range nodes {
		n.await(t, "it is ready again", func() bool { return status(n.url+"/readyz") == 200 })
	}
	r.awaitDeeds(t, 1000)
}

// report says how it went, for the table in docs/failover.md, and makes sure that there was something to lose.
func (r *recorder) report(t testing.TB, lost time.Time) {
	t.Helper()
	var done []time.Time
	before, after := make(map[string]int), make(map[string]int)
	failed := 0
	for _, d := range r.deeds(t) {
		switch {
		case d.Error != "":
			failed++
			continue
		case d.At.Before(lost):
			before[d.Did]++
		default:
			after[d.Did]++
		}
		done = append(done, d.At)
	}
	if len(before) != 5 || len(after) != 5 {
		t.Errorf("there are five kinds of deeds; before the loss these were done: %v, after it these: %v", before, after)
	}
	slices.SortFunc(done, time.Time.Compare)
	var gap time.Duration
	for i := 1; i < len(done); i++ {
		gap = max(gap, done[i].Sub(done[i-1]))
	}
	t.Logf("before the loss: %v; after it: %v; refused or unknown: %d; longest time without an acknowledgement: %s",
		before, after, failed, gap.Round(time.Millisecond))
}

// check compares the database with what was acknowledged. Of the deed that failed a life may have the outcome too.
func (r *recorder) check(t testing.TB, nodes []*node) {
	t.Helper()
	there := listIdentities(t, nodes[0], r.Pool)
	lives := make(map[string][]deed)
	for _, d := range r.deeds(t) {
		if d.Error == "" && d.Made != "" {
			if _, found := there[d.Made]; !found {
				t.Errorf("%s was made and acknowledged in life %s, and is not there", d.Made, d.Life)
			}
		}
		lives[d.Life] = append(lives[d.Life], d)
	}
	todo := make(chan []deed)
	var checking sync.WaitGroup
	for i := range crowd {
		checking.Go(func() {
			for life := range todo {
				if err := r.checkLife(t, nodes[i%len(nodes)], life); err != nil {
					t.Errorf("life %s: %v", life[0].Life, err)
				}
			}
		})
	}
	for _, life := range lives {
		todo <- life
	}
	close(todo)
	checking.Wait()
}

// checkLife makes sure whose the names of one life are.
func (r *recorder) checkLife(t testing.TB, n *node, life []deed) error {
	ids := []string{""} // nobody's
	var sure, maybe map[string]int
	for _, d := range life {
		if maybe = d.Owners; d.Error == "" {
			sure = d.Owners
		}
		if d.Error == "" && d.Made != "" {
			ids = append(ids, d.Made)
		}
	}
	for _, name := range []string{"a", "b"} {
		name = life[0].Life + name
		owner, err := r.owner(t, n, name)
		if err != nil {
			return err
		}
		if owner == ids[sure[name]] {
			continue
		}
		if i := maybe[name]; sure[name] != i && (i >= len(ids) || owner == ids[i]) {
			continue // an identity whose making was not acknowledged has an id that nobody knows
		}
		last := life[len(life)-1]
		return fmt.Errorf("%s belongs to %q, not to %q; the last deed is %s, %q", name, owner, ids[sure[name]], last.Did, last.Error)
	}
	return nil
}

// owner is the identity that a developer's name belongs to, empty if none.
func (r *recorder) owner(t testing.TB, n *node, name string) (string, error) {
	out, err := n.identities().LookupDeveloperIdentity(t.Context(), &cognitoidentity.LookupDeveloperIdentityInput{
		IdentityPoolId: &r.Pool, DeveloperUserIdentifier: aws.String(name),
	})
	if unknown := new(types.ResourceNotFoundException); errors.As(err, &unknown) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return *out.IdentityId, nil
}
