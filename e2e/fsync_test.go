package e2e

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
)

// TestFsyncFails has a disk that says it could not keep what it was given. Nobody is told that it did; when the disk is well
// again so is the node, without a restart; and what is there after a kill is what somebody was told, and nothing else.
func TestFsyncFails(t *testing.T) { // not beside other tests: strace makes the node slow
	n := startNode(t)
	guests := setUpForGuests(t, n)
	before := acknowledge(t, n, guests, 0)
	for _, err := range before.errs {
		t.Errorf("the disk is still well: %v", err)
	}

	disk := breakDisk(t, n)
	during := acknowledge(t, n, guests, crowd)
	disk.heal(t)
	if len(during.ids) > 0 {
		t.Errorf("%d of %d calls were acknowledged by a node whose disk fails", len(during.ids), crowd)
	}
	for _, err := range during.errs {
		if r := new(awshttp.ResponseError); !errors.As(err, &r) || r.HTTPStatusCode() < http.StatusInternalServerError {
			t.Errorf("not an error of the server: %v", err)
		}
	}

	after := acknowledge(t, n, guests, 2*crowd)
	for _, err := range after.errs {
		t.Errorf("the disk is well again: %v", err)
	}
	n.restart(t)
	told := append(append(before.ids, after.ids...), guests)
	there := slices.Collect(maps.Keys(listPools(t, n)))
	there = append(there, slices.Collect(maps.Keys(listIdentities(t, n, guests)))...)
	for _, id := range told {
		if !slices.Contains(there, id) {
			t.Errorf("%s was acknowledged and is gone", id)
		}
	}
	for _, id := range there {
		if !slices.Contains(told, id) {
			t.Errorf("%s is there, and nobody was told so", id)
		}
	}
	if len(there) != 2*crowd+1 {
		t.Errorf("%d pools and identities are there, not %d", len(there), 2*crowd+1)
	}
}

// acknowledged are the ids that calls were answered with, and the errors of the others.
type acknowledged struct {
	ids  []string
	errs []error
}

// acknowledge makes pools and guests at once, half of each, every one a transaction, and tries none twice.
func acknowledge(t testing.TB, n *node, guests string, first int) acknowledged {
	t.Helper()
	client := n.identities(func(o *cognitoidentity.Options) { o.Retryer = aws.NopRetryer{} })
	var ids [crowd]string
	var errs [crowd]error
	atOnce(func(i int) {
		if i%2 == 0 {
			out, err := client.GetId(t.Context(), &cognitoidentity.GetIdInput{IdentityPoolId: &guests})
			if errs[i] = err; err == nil {
				ids[i] = *out.IdentityId
			}
			return
		}
		name := fmt.Sprintf("pool %d", first+i)
		out, err := client.CreateIdentityPool(t.Context(), &cognitoidentity.CreateIdentityPoolInput{IdentityPoolName: &name})
		if errs[i] = err; err == nil {
			ids[i] = *out.IdentityPoolId
		}
	})
	var a acknowledged
	for i := range crowd {
		if errs[i] != nil {
			a.errs = append(a.errs, errs[i])
		} else {
			a.ids = append(a.ids, ids[i])
		}
	}
	return a
}

// badDisk is an strace that meddles with the node's syncs.
type badDisk struct {
	strace *process
	trace  string // file
	mark   string // of the syncs in it that strace has meddled with
}

// breakDisk makes every sync of the node fail from now on, until heal.
func breakDisk(t testing.TB, n *node) *badDisk {
	t.Helper()
	return spoilDisk(t, n, "error=EIO", "(INJECTED)")
}

// spoilDisk does something else to every sync, in strace's words, and knows it by strace's mark.
func spoilDisk(t testing.TB, n *node, injection, mark string) *badDisk {
	t.Helper()
	d := &badDisk{trace: filepath.Join(t.TempDir(), "trace"), mark: mark}
	d.strace = start(t, "strace", os.Environ(), tool(t, "strace", "strace"), "-f", "-o", d.trace, "-e", "trace=fsync,fdatasync",
		"-e", "inject=fsync,fdatasync:"+injection, "-p", strconv.Itoa(n.cmd.Process.Pid))
	attached := func() bool { _, found := d.strace.stderr.line(" attached"); return found }
	if err := d.strace.until(attached); err != nil {
		t.Fatalf("strace cannot attach to the node (%v): this test needs ptrace; in a container add SYS_PTRACE to its capabilities, "+
			"elsewhere see /proc/sys/kernel/yama/ptrace_scope\n%s", err, d.strace.stderr.String())
	}
	return d
}

// heal lets the node's syncs through again, and makes sure that some were not.
func (d *badDisk) heal(t testing.TB) {
	t.Helper()
	d.strace.signal(t, syscall.SIGTERM)
	d.strace.wait(t)
	trace, err := os.ReadFile(d.trace)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(trace), d.mark) {
		t.Errorf("the node's syncs were as ever: %s", trace)
	}
}
