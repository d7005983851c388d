package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
)

// TestAuditRotation moves the audit log away as logrotate does, and finds every event in one of the two files.
func TestAuditRotation(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.log")
	n := startNode(t, "--drain", "0s", "--audit-log", path)
	list := func() {
		t.Helper()
		if _, err := n.identities().ListIdentityPools(t.Context(), &cognitoidentity.ListIdentityPoolsInput{MaxResults: new(int32(1))}); err != nil {
			t.Fatal(err)
		}
	}
	list()
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	n.signal(t, syscall.SIGHUP)
	n.await(t, "it has a new file", func() bool {
		_, opened := n.stderr.line(`"msg":"opened the audit log anew"`)
		return opened
	})
	list()
	n.signal(t, syscall.SIGTERM)
	if code := n.wait(t); code != 0 {
		t.Errorf("told to stop, it ends with %d", code)
	}
	events := 0
	for _, file := range []string{path, path + ".1"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		events += strings.Count(string(text), `"eventName":"ListIdentityPools"`)
		if file == path && !strings.Contains(string(text), `"userIdentity":{"type":"Root"`) {
			t.Errorf("the new file: %s", text)
		}
	}
	if events != 2 {
		t.Errorf("%d events of 2 calls", events)
	}
}
