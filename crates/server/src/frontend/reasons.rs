//! Why the Frontend API refuses a request before an operation sees it.

use verger_wire::reasons;

reasons! {
    ORIGIN_MISSING "OriginMissing" 400 "origin_missing" {
        message: "The request has no origin",
        long_message: "A request that changes something needs the header Origin, which browsers send by themselves.",
        when: "A request that changes something has no `Origin`.",
        help: "Call from a browser, or as a native application with `_is_native=1`.",
    }
    ORIGINS_MULTIPLE "OriginsMultiple" 400 "multiple_origin_header_values_forbidden" {
        message: "The request has several origins",
        long_message: "The header Origin may have one value.",
        when: "A request has several values of `Origin`.",
        help: "Look at the proxy in between: it adds a header that is there already.",
    }
    HOST_INVALID "HostInvalid" 400 "host_invalid" {
        message: "The host is no instance's",
        long_message: "No instance of this server is reached under this host.",
        when: "The Frontend API is asked under a host that is no instance's.",
        help: "Add the host with `verger instances add-host`; in development use localhost or 127.0.0.1.",
    }
    ORIGIN_INVALID "OriginInvalid" 400 "origin_invalid" {
        message: "The origin is not allowed",
        long_message: "Pages of {origin} may not call this server. Development allows origins on this machine.",
        when: "The `Origin` of a request is none that may call this instance.",
        help: "Open the page under localhost or 127.0.0.1.",
    }
}
