"""Git without git: resolve a branch's head, and make the release of one commit. The only user of dulwich."""
