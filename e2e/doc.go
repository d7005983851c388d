// Package e2e shows that idpool works with real parts: the built binary as a user starts it, OpenID providers by two makers,
// SAML providers by two more, a server of user pools, the AWS CLI, Terraform, the Go, JavaScript and Python SDKs, and verifiers
// of tokens and responses that share no code with the server; and that many nodes over one PostgreSQL are one service, through
// restarts, kills and the loss of the database's primary.
//
//	person --login--> provider --ID token or SAML response--> SDK --GetId, GetCredentialsForIdentity--> idpool <--set-up-- AWS CLI
//
// It imports nothing of the server, and is a module of its own so that the server needs none of this. It runs on Linux.
// What a package does is tested beside it; here is what only the whole can show.
//
//	go test -count=1 ./...     the test cache does not know of the server's sources
//
// The binary is built first, unless IDPOOL_BINARY names one. Parts from npm are installed once, at the versions of their lock
// files, into idpool-e2e in the user's cache folder, or into IDPOOL_CACHE; so is moto by pip, at the version of parts/moto,
// unless a python3 has that. Needed are npm, PostgreSQL, HAProxy, strace, curl, xmlsec1, boto3, Python's venv, SimpleSAMLphp and
// the AWS CLI, which are installed by apt-get for root; TestPatroni needs Patroni and etcd. A Node.js below 20 is passed over for
// one from npm. Terraform is not installed: where it or a mirror of its aws provider is missing (IDPOOL_TF_PLUGINS, or the
// filesystem_mirror of ~/.terraformrc), its test is skipped.
package e2e
