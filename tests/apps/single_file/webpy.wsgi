"""web.py with debug, as it is by default: it imports the script's module with each request."""

import web

web.config.debug = True
urls = ("/.*", "hello")


class hello:
    def GET(self):
        return "Hello"


application = web.application(urls, globals()).wsgifunc()
