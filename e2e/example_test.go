package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cognitoidentity"
)

// startDev starts a node for trying out, and waits until it has printed all that it has to say.
func startDev(t testing.TB) *process {
	t.Helper()
	tool(t, "aws", "awscli")
	tool(t, "curl", "curl")
	p := start(t, "idpool", environ(), binary, "serve", "--dev", "--data", t.TempDir(), "--listen", "127.0.0.1:0")
	p.await(t, "it prints what to try", func() bool { return strings.HasSuffix(p.stdout.String(), "\n\n") })
	return p
}

// terminal runs commands as somebody would who copies them into a terminal, and stops at the first that fails.
func terminal(t testing.TB, commands string) string {
	t.Helper()
	bash := exec.Command("bash", "-euxo", "pipefail", "-c", commands)
	bash.Dir, bash.Env = t.TempDir(), environ("AWS_PAGER=")
	return run(t, bash)
}

// TestDev runs the commands that idpool serve --dev prints.
func TestDev(t *testing.T) {
	t.Parallel()
	var commands []string
	for line := range strings.Lines(startDev(t).stdout.String()) {
		if command, indented := strings.CutPrefix(line, "  "); indented {
			commands = append(commands, command)
		}
	}
	printed := terminal(t, strings.Join(commands, ""))
	for _, want := range []string{`"IdentityPoolName": "sample"`, `"SessionToken": "`, `"jwks_uri":"`} {
		if !strings.Contains(printed, want) {
			t.Errorf("the commands did not lead to %s:\n%s", want, printed)
		}
	}
}

// shell finds the blocks of shell commands in a document.
var shell = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// TestReadme runs the commands of the README, from the first to the last, on a node for trying out.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	line, _ := startDev(t).stdout.line("AWS_ENDPOINT_URL=")
	endpoint := regexp.MustCompile(`http://[0-9.:]+`).FindString(line)
	var commands strings.Builder
	for _, block := range shell.FindAllSubmatch(readme, -1) {
		commands.WriteString(strings.ReplaceAll(string(block[1]), "http://127.0.0.1:7400", endpoint))
	}
	commands.WriteString(`echo "$PROVIDER trusted, $ROLE given"`)
	printed := terminal(t, commands.String())
	for _, want := range []string{":assumed-role/TourGuest-", `"Token": "`, `"jwks_uri":"` + endpoint, `"kid":"`, "oidc-provider/login.example.com trusted, arn:aws:iam::" + account + ":role/Users-"} {
		if !strings.Contains(printed, want) {
			t.Errorf("the commands did not lead to %s:\n%s", want, printed)
		}
	}
}

// TestReadmeServe starts a node by the README's command for running it for real, on an address and in a directory of the
// test's. Others then know it by the issuer's URL, and its root by the file that the README names.
func TestReadmeServe(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^idpool (serve .*)$`).FindAllSubmatch(readme, -1)
	if len(commands) != 1 {
		t.Fatalf("the README has %d commands that serve, not one", len(commands))
	}
	n := &node{data: t.TempDir()}
	args := string(commands[0][1])
	for _, replaced := range [][2]string{{"--listen 0.0.0.0:7400", "--listen 127.0.0.1:0"}, {"--data /var/lib/idpool", "--data " + n.data}} {
		if !strings.Contains(args, replaced[0]) {
			t.Fatalf("the README's command has no %q: %s", replaced[0], args)
		}
		args = strings.Replace(args, replaced[0], replaced[1], 1)
	}
	n.run(t, strings.Fields(args))

	discovery := run(t, exec.Command(tool(t, "curl", "curl"), "-sSf", n.url+"/.well-known/openid-configuration"))
	if !strings.Contains(discovery, `"issuer":"https://id.example.com"`) {
		t.Errorf("the issuer is not that of the command: %s", discovery)
	}
	if arn := n.aws(t, "sts", "get-caller-identity", "--query", "Arn"); arn != "arn:aws:iam::"+account+":root" {
		t.Errorf("the root credentials are those of %s", arn)
	}
	n.signal(t, syscall.SIGTERM)
	if code := n.wait(t); code != 0 {
		t.Errorf("told to stop, it ends with %d", code)
	}
}

// TestExampleCLI runs examples/aws-cli as its README says.
func TestExampleCLI(t *testing.T) {
	t.Parallel()
	tool(t, "aws", "awscli")
	tool(t, "curl", "curl")
	n := startNode(t)
	tour := exec.Command("../examples/aws-cli/tour.sh")
	tour.Env = environ("AWS_ENDPOINT_URL="+n.url, "AWS_ACCESS_KEY_ID="+n.root.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+n.root.SecretAccessKey)
	printed := run(t, tour)
	want := regexp.MustCompile(`(?m)^caller +arn:aws:sts::` + account + `:assumed-role/Guest-[0-9a-f-]{36}/CognitoIdentityCredentials$`)
	if !want.MatchString(printed) {
		t.Errorf("no line of the tour is %s:\n%s", want, printed)
	}
	if want := "issuer      " + n.url + "\n"; !strings.Contains(printed, want) {
		t.Errorf("the tour does not end with %q:\n%s", want, printed)
	}
}

// TestExampleJavaScript runs examples/javascript for a guest, and for somebody who has signed in at a real provider.
func TestExampleJavaScript(t *testing.T) {
	t.Parallel()
	script := filepath.Join(npmFolder(t, "../examples/javascript"), "main.mjs")
	n, p := startNode(t), startOIDCProvider(t)
	pool := createPool(t, n, &cognitoidentity.CreateIdentityPoolInput{
		IdentityPoolName: aws.String("example"), AllowUnauthenticatedIdentities: true,
		OpenIdConnectProviderARNs: []string{register(t, n, p)},
	})
	setRoles(t, n, pool)
	main := func(args ...string) (identity, caller string) {
		t.Helper()
		node := exec.Command(nodeJS(t), append([]string{script, n.url, pool}, args...)...)
		node.Env = environ()
		m := regexp.MustCompile(`^identity (\S+)\ncaller (\S+)$`).FindStringSubmatch(run(t, node))
		if m == nil {
			t.Fatal("the example does not print identity and caller")
		}
		return m[1], m[2]
	}
	guest, caller := main()
	if caller != sessionARN(guestRole) {
		t.Errorf("a guest is %s", caller)
	}
	token := p.signIn(t, appClient, p.user)
	person, caller := main(p.name(), token)
	if caller != sessionARN(signedInRole) {
		t.Errorf("somebody who has signed in is %s", caller)
	}
	if id := getID(t, n, pool, login(p, token)); person != id || person == guest {
		t.Errorf("the person is identity %s in JavaScript and %s in Go; the guest is %s", person, id, guest)
	}
}
