// Package pooltest runs a whole idpool inside a test: a node on a loopback port with its own SQLite database, a clock that
// the test sets, and fakes of those outside.
//
//	node := pooltest.Start(t)
//	idp := pooltest.NewProvider(t)
//	node.IAM(t, "CreateOpenIDConnectProvider", "Url", idp.URL, "ClientIDList.member.1", "app")
//	reply := node.Public(t, "GetId", pooltest.Object{"IdentityPoolId": id, "Logins": pooltest.Object{idp.Name(): idp.Token("app", "alice")}})
//
// Nothing in the node is replaced: what answers is what answers in production.
package pooltest
