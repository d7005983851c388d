package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
)

// cluster is some nodes over one PostgreSQL database, behind one address.
type cluster struct {
	*node // the address, as if it were a node
	front *haproxy
	nodes []*node
	flags []string
}

// startCluster starts nodes over a database, all at once, and a balancer before them.
func startCluster(t testing.TB, size int, database string, flags ...string) *cluster {
	t.Helper()
	port := freePort(t)
	c := &cluster{flags: append(flags, "--database", database, "--issuer-url", fmt.Sprintf("http://127.0.0.1:%d", port))}
	var rootFolder string
	c.nodes, rootFolder = startNodes(t, size, c.flags...)
	// A node that is up keeps its turn, however late a busy machine lets it say that it is well.
	c.front = startHAProxy(t, port, c.nodes, "default-server fall 1000000")
	c.node = &node{process: c.front.process, url: c.front.url(), data: rootFolder, root: c.nodes[0].root}
	return c
}

// startNodes starts nodes over a new database at the same moment. One of them makes the root's key, and has it in its data
// directory.
func startNodes(t testing.TB, size int, flags ...string) (nodes []*node, rootFolder string) {
	t.Helper()
	for i := range size {
		n := &node{listen: fmt.Sprintf("127.0.0.1:%d", freePort(t)), data: t.TempDir()}
		n.process = start(t, fmt.Sprintf("idpool, node%d", i), environ(), binary, n.args(flags)...)
		nodes = append(nodes, n)
	}
	var holders []string
	for _, n := range nodes {
		n.awaitReady(t)
		if _, err := os.Stat(filepath.Join(n.data, "root-credentials")); err == nil {
			holders = append(holders, n.data)
		}
	}
	if len(holders) != 1 {
		t.Fatalf("%d nodes have a root key, not one", len(holders))
	}
	root := readRoot(t, filepath.Join(holders[0], "root-credentials"))
	for _, n := range nodes {
		n.root = root
	}
	return nodes, holders[0]
}

var migration = regexp.MustCompile(`"msg":"migrated","file":"([^"]+)"`)

// TestManyNodesAtOnce starts five nodes at the same moment on an empty database: every migration is run by one of them, all
// become ready, and they are one deployment.
func TestManyNodesAtOnce(t *testing.T) {
	t.Parallel()
	nodes, _ := startNodes(t, 5, "--database", postgresURL(startPostgres(t).port), "--issuer-url", sharedIssuer)
	runs := make(map[string]int)
	keys := make(map[string]bool)
	for i, n := range nodes {
		for _, m := range migration.FindAllStringSubmatch(n.stderr.String(), -1) {
			runs[m[1]]++
		}
		keys[string(send(t, browser(t, nil), get(t, n.url+"/.well-known/jwks.json")).body)] = true
		if arn := callerOf(t, n, n.root); arn != "arn:aws:iam::"+account+":root" {
			t.Errorf("to node %d the root is %s", i, arn)
		}
	}
	files, err := os.ReadDir("../store/migrations")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if runs[f.Name()] != 1 {
			t.Errorf("%s ran %d times", f.Name(), runs[f.Name()])
		}
	}
	if len(files) == 0 || len(runs) != len(files) {
		t.Errorf("these migrations ran: %q", slices.Sorted(maps.Keys(runs)))
	}
	if len(keys) != 1 {
		t.Errorf("the nodes publish different keys: %q", slices.Sorted(maps.Keys(keys)))
	}
}

// TestClusterOperations calls every operation that a node serves, of pools by the AWS CLI and of IAM and STS by the Go SDK,
// at a balancer that gives each call to another node than the one before. What one has done the next one builds on. Then each
// public operation is sent to each node by its own address.
func TestClusterOperations(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 3, postgresURL(startPostgres(t).port))
	e := &estate{node: c.node, send: (*node).sendByGo, served: c.served(t), called: make(map[string]bool)}
	e.life(t)
	if diff := notIn(set(e.served), slices.Collect(maps.Keys(e.called))); len(diff) > 0 {
		t.Errorf("served, and not called: %q", diff)
	}
	s := &shop{node: c.node, provider: startOIDCProvider(t), called: make(map[string]bool)}
	s.life(t)
	if diff := notIn(set(operations()), slices.Collect(maps.Keys(s.called))); len(diff) > 0 {
		t.Errorf("not called: %q", diff)
	}
	turns := c.front.turns()
	for i, node := range turns {
		if !strings.HasPrefix(node, "node") || i > 0 && node == turns[i-1] {
			t.Errorf("call %d of %d went to %s, as the one before, or to none", i, len(turns), node)
		}
	}
	if len(turns) < len(e.called)+len(s.called) || len(set(turns)) != len(c.nodes) {
		t.Errorf("%d calls went to %d nodes", len(turns), len(set(turns)))
	}
	c.signInEverywhere(t, s.provider)
}

// signInEverywhere has a person sign in, get credentials and a token, and unlink the login again, so often that each node has
// carried out each of it, every time on what another has done.
func (c *cluster) signInEverywhere(t *testing.T, p *openID) {
	pool := createPool(t, c.node, &cognitoidentity.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("people"), OpenIdConnectProviderARNs: []string{p.arn()},
	})
	createRole(t, c.node, signedInRole, trustPolicy(pool, "authenticated"))
	_, err := c.identities().SetIdentityPoolRoles(t.Context(), &cognitoidentity.SetIdentityPoolRolesInput{
		IdentityPoolId: &pool, Roles: map[string]string{"authenticated": roleARN(signedInRole)},
	})
	if err != nil {
		t.Fatal(err)
	}
	logins, before := login(p, p.signIn(t, appClient, p.user)), ""
	for i := range c.nodes {
		one, two, three := c.nodes[i], c.nodes[(i+1)%3], c.nodes[(i+2)%3]
		id := getID(t, one, pool, logins)
		if again := getID(t, two, pool, logins); again != id || id == before {
			t.Errorf("the login is %s, to another node %s, and before it was unlinked it was %s", id, again, before)
		}
		checkCaller(t, three, getCredentials(t, two, id, logins), signedInRole)
		checkToken(t, c.node, p, getToken(t, three, id, logins), pool, id)
		_, err := two.identities().UnlinkIdentity(t.Context(), &cognitoidentity.UnlinkIdentityInput{
			IdentityId: &id, Logins: logins, LoginsToRemove: []string{p.name()},
		})
		if err != nil {
			t.Fatal(err)
		}
		before = id
	}
}
