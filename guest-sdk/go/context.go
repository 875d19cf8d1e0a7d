package guardhouse

// AuthContext is one request, as a check sees it. Every check of one decision sees the same.
//
// The methods that take a JSON pointer (RFC 6901) fetch the rest of the request from the host; "" is the
// whole document, and any other text that does not begin with "/" is a panic. A plugin that calls none of
// them does not import them and pays nothing.
type AuthContext struct {
	// Token is the verified access token; nil if the caller did not authenticate.
	Token *AccessToken
	// Component is what is being accessed.
	Component Component
	// Action is what is being done, for example "tools/call" or "tools/list".
	Action string
	// Now is the time in seconds since the Unix epoch, the same for every check of one decision. During
	// a check time.Now starts there.
	Now int64

	documents *documents
}

// Tool is what is being accessed, if it is a tool; nil otherwise.
func (ctx *AuthContext) Tool() *Component {
	if ctx.Component.Kind != "tool" {
		return nil
	}
	return &ctx.Component
}
