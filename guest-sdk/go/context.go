package guardhouse

// AuthContext is one request, as a check sees it. It is the same for every check of one decision.
//
// The methods that take a JSON pointer (RFC 6901) fetch a part of the request from the host; "" is the
// whole document, and any other string that does not begin with "/" panics. A plugin that does not call
// them does not import them, and they cost nothing.
type AuthContext struct {
	// Token is the verified access token; nil if the caller did not authenticate.
	Token *AccessToken
	// Component is the component being accessed.
	Component Component
	// Action is the action on the component, for example "tools/call" or "tools/list".
	Action string
	// Now is the time in seconds since the Unix epoch, the same for every check of one decision. During
	// a check time.Now starts there.
	Now int64

	documents *documents
}

// Tool returns the component being accessed if it is a tool, and nil otherwise.
func (ctx *AuthContext) Tool() *Component {
	if ctx.Component.Kind != "tool" {
		return nil
	}
	return &ctx.Component
}
