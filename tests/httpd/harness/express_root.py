"""A server root with the shape of those that `mod_wsgi-express setup-server` makes.

Written anew from what such roots hold: one configuration whose parts are chosen by `-D`, a handler for whatever is no
file of the document root, and environment variables that the start script exports.
"""

import os
import sys
from pathlib import Path

from .config import MODULE_FOLDER, httpd_user
from .processes import listens
from .server import HTTPD, Server

GROUP = "express:site"

_LOADED = ("unixd", "authn_core", "authz_core", "authz_host", "access_compat", "mime", "rewrite", "alias", "dir", "env",
           "headers", "filter", "deflate", "auth_basic", "auth_digest", "authz_user", "authn_file", "proxy", "proxy_http",
           "setenvif", "reqtimeout")

_HTTPD_CONF = """\
<IfModule !version_module>
LoadModule version_module '${MOD_WSGI_MODULES_DIRECTORY}/mod_version.so'
</IfModule>

ServerName {host}
ServerRoot '{root}'
PidFile '{root}/httpd.pid'
<IfVersion >= 2.4>
DefaultRuntimeDir '{root}'
</IfVersion>
ServerTokens ProductOnly
ServerSignature Off
<IfDefine !MOD_WSGI_MPM_ENABLE_WINNT_MODULE>
{identity}
</IfDefine>
<IfDefine MOD_WSGI_WITH_LISTENER_HOST>
Listen {host}:{port}
</IfDefine>
<IfDefine !MOD_WSGI_WITH_LISTENER_HOST>
Listen {port}
</IfDefine>
<IfVersion < 2.4>
LockFile '{root}/accept.lock'
</IfVersion>

<IfVersion >= 2.4>
<IfModule !mpm_event_module>
<IfModule !mpm_worker_module>
<IfModule !mpm_prefork_module>
<IfDefine MOD_WSGI_MPM_ENABLE_EVENT_MODULE>
LoadModule mpm_event_module '${MOD_WSGI_MODULES_DIRECTORY}/mod_mpm_event.so'
</IfDefine>
<IfDefine MOD_WSGI_MPM_ENABLE_PREFORK_MODULE>
LoadModule mpm_prefork_module '${MOD_WSGI_MODULES_DIRECTORY}/mod_mpm_prefork.so'
</IfDefine>
</IfModule>
</IfModule>
</IfModule>
</IfVersion>
{loads}
<IfDefine MOD_WSGI_SERVER_STATUS>
<IfModule !status_module>
LoadModule status_module '${MOD_WSGI_MODULES_DIRECTORY}/mod_status.so'
</IfModule>
</IfDefine>
<IfDefine MOD_WSGI_LOAD_PYTHON_DYLIB>
LoadFile '/nonexistent/libpython.so'
</IfDefine>
LoadModule wsgi_module '{module}'

<IfVersion < 2.4>
DefaultType text/plain
</IfVersion>
TypesConfig '{folder}/mime.types'
HostnameLookups Off
MaxMemFree 64
Timeout 60
ListenBacklog 500
<IfVersion >= 2.2.15>
RequestReadTimeout header=15-30,MinRate=500 body=15,MinRate=500
</IfVersion>
LimitRequestBody 10485760

<Directory />
    AllowOverride None
<IfVersion < 2.4>
    Order deny,allow
    Deny from all
</IfVersion>
<IfVersion >= 2.4>
    Require all denied
</IfVersion>
</Directory>

WSGIPythonHome '{python_home}'
WSGIVerboseDebugging 'Off'
<IfDefine !MOD_WSGI_MPM_ENABLE_WINNT_MODULE>
<IfDefine MOD_WSGI_WITH_SOCKET_PREFIX>
WSGISocketPrefix {root}/elsewhere/wsgi
</IfDefine>
<IfDefine !MOD_WSGI_WITH_SOCKET_PREFIX>
WSGISocketPrefix {root}/wsgi
</IfDefine>
WSGISocketRotation Off
</IfDefine>
<IfDefine EMBEDDED_MODE>
MaxConnectionsPerChild 0
</IfDefine>

<IfDefine !ONE_PROCESS>
<IfDefine !EMBEDDED_MODE>
WSGIRestrictEmbedded On
<IfDefine MOD_WSGI_MULTIPROCESS>
WSGIDaemonProcess {group} \\
   display-name='(wsgi:{group}:0)' \\
   home='{home}' \\
   processes=2 \\
   {options}
</IfDefine>
<IfDefine !MOD_WSGI_MULTIPROCESS>
WSGIDaemonProcess {group} \\
   display-name='(wsgi:{group}:0)' \\
   home='{home}' \\
   {options}
</IfDefine>
</IfDefine>
</IfDefine>

WSGICallableObject 'application'
WSGIPassAuthorization On
WSGIMapHEADToGET Auto
<IfDefine MOD_WSGI_DISABLE_RELOADING>
WSGIScriptReloading Off
</IfDefine>
<IfDefine EMBEDDED_MODE>
WSGIDestroyInterpreter Off
WSGIPythonPath '{home}:{home}/lib'
</IfDefine>
<IfDefine ONE_PROCESS>
WSGIRestrictStdin Off
WSGIPythonPath '{home}:{home}/lib'
</IfDefine>
<IfDefine MOD_WSGI_SERVER_METRICS>
ExtendedStatus On
</IfDefine>
WSGIServerMetrics Off
<IfDefine MOD_WSGI_SERVER_STATUS>
<Location /server-status>
    SetHandler server-status
    <IfVersion >= 2.4>
    Require host localhost
    Require ip 127.0.0.1
    </IfVersion>
</Location>
</IfDefine>

<IfDefine MOD_WSGI_KEEP_ALIVE>
KeepAlive On
KeepAliveTimeout 2
</IfDefine>
<IfDefine !MOD_WSGI_KEEP_ALIVE>
KeepAlive Off
</IfDefine>
<IfDefine MOD_WSGI_ENABLE_SENDFILE>
EnableSendfile On
WSGIEnableSendfile On
</IfDefine>
<IfDefine MOD_WSGI_COMPRESS_RESPONSES>
AddOutputFilterByType DEFLATE text/plain
AddOutputFilterByType DEFLATE text/html
</IfDefine>
ErrorLog '{folder}/error.log'
LogLevel warn wsgi:info mpm_{mpm}:notice
<IfDefine MOD_WSGI_CHUNKED_REQUEST>
WSGIChunkedRequest On
</IfDefine>
<IfDefine MOD_WSGI_WITH_PROXY_HEADERS>
WSGITrustedProxyHeaders X-Forwarded-For X-Script-Name
</IfDefine>
<IfDefine MOD_WSGI_WITH_TRUSTED_PROXIES>
WSGITrustedProxies 127.0.0.1
</IfDefine>

<IfModule mpm_prefork_module>
StartServers 2
ServerLimit 12
MaxRequestWorkers 12
MinSpareServers 1
MaxSpareServers 12
</IfModule>
<IfModule mpm_event_module>
MaxKeepAliveRequests 0
StartServers 1
ServerLimit 4
ThreadLimit 16
ThreadsPerChild 16
MaxRequestWorkers 16
MinSpareThreads 1
MaxSpareThreads 16
ThreadStackSize 262144
</IfModule>

DocumentRoot '{htdocs}'
AccessFileName .htaccess
<Directory '{root}'>
<Files handler.wsgi>
    Require all granted
</Files>
<Files resource.wsgi>
    Require all granted
</Files>
</Directory>
<Directory '{htdocs}'>
AllowOverride None
<IfDefine MOD_WSGI_DIRECTORY_INDEX>
    DirectoryIndex index.html
</IfDefine>
RewriteEngine On
Include {root}/rewrite.conf
<IfDefine !MOD_WSGI_STATIC_ONLY>
RewriteCond %{REQUEST_FILENAME} !-f
<IfDefine MOD_WSGI_DIRECTORY_INDEX>
RewriteCond %{REQUEST_FILENAME} !-d
</IfDefine>
<IfDefine MOD_WSGI_SERVER_STATUS>
RewriteCond %{REQUEST_URI} !/server-status
</IfDefine>
RewriteRule .* - [H=wsgi-handler]
</IfDefine>
<IfVersion >= 2.4>
    Require all granted
</IfVersion>
</Directory>
<IfDefine MOD_WSGI_ERROR_OVERRIDE>
WSGIErrorOverride On
</IfDefine>

<IfDefine MOD_WSGI_HOST_ACCESS>
<Location />
    WSGIAccessScript '{home}/decides.py'
</Location>
</IfDefine>
<IfDefine MOD_WSGI_AUTH_USER>
<Location />
    AuthType Basic
    AuthName '{host}:{port}'
    AuthBasicProvider wsgi
    WSGIAuthUserScript '{home}/decides.py'
<IfDefine MOD_WSGI_AUTH_GROUP>
    WSGIAuthGroupScript '{home}/decides.py'
</IfDefine>
<IfVersion < 2.4>
    Require valid-user
</IfVersion>
<IfVersion >= 2.4>
<RequireAll>
    Require valid-user
<IfDefine MOD_WSGI_AUTH_GROUP>
    Require wsgi-group 'staff'
</IfDefine>
</RequireAll>
</IfVersion>
</Location>
</IfDefine>

<IfDefine !ONE_PROCESS>
<IfDefine !EMBEDDED_MODE>
WSGIHandlerScript wsgi-handler '{root}/handler.wsgi' \\
    process-group='{group}' application-group='%{GLOBAL}'
WSGIImportScript '{root}/handler.wsgi' \\
    process-group='{group}' application-group='%{GLOBAL}'
WSGIHandlerScript wsgi-resource '{root}/resource.wsgi' \\
    process-group='{group}' application-group='%{GLOBAL}'
</IfDefine>
</IfDefine>
<IfDefine EMBEDDED_MODE>
WSGIHandlerScript wsgi-handler '{root}/handler.wsgi' \\
    process-group='%{GLOBAL}' application-group='%{GLOBAL}'
WSGIImportScript '{root}/handler.wsgi' \\
    process-group='%{GLOBAL}' application-group='%{GLOBAL}'
WSGIHandlerScript wsgi-resource '{root}/resource.wsgi' \\
    process-group='%{GLOBAL}' application-group='%{GLOBAL}'
</IfDefine>
<IfDefine ONE_PROCESS>
<IfDefine !MOD_WSGI_MPM_ENABLE_WINNT_MODULE>
WSGIHandlerScript wsgi-handler '{root}/handler.wsgi' \\
    process-group='%{GLOBAL}' application-group='%{GLOBAL}'
WSGIImportScript '{root}/handler.wsgi' \\
    process-group='%{GLOBAL}' application-group='%{GLOBAL}'
</IfDefine>
</IfDefine>

SetEnv 'FLAVOUR' 'salt & pepper'
Alias '/files' '{home}/files'
<Directory '{home}/files'>
    AllowOverride None
    Require all granted
</Directory>
<Directory '{htdocs}'>
    AddHandler wsgi-resource .tpl
</Directory>
ErrorDocument '404' '/missing.html'
{more}
"""

_OPTIONS = """\
threads=3 \\
   umask=0022 \\
   python-eggs='{root}/python-eggs' \\
   python-path='{home}/lib' \\
   lang='C.UTF-8' \\
   locale='C.UTF-8' \\
   maximum-requests=0 \\
   listen-backlog=100 \\
   queue-timeout=45 \\
   socket-timeout=60 \\
   connect-timeout=15 \\
   request-timeout=60 \\
   interrupt-timeout=0 \\
   inactivity-timeout=0 \\
   startup-timeout=15 \\
   deadlock-timeout=60 \\
   graceful-timeout=15 \\
   eviction-timeout=0 \\
   restart-interval=0 \\
   cpu-time-limit=0 \\
   shutdown-timeout=5 \\
   send-buffer-size=0 \\
   receive-buffer-size=0 \\
   header-buffer-size=0 \\
   response-buffer-size=0 \\
   response-socket-timeout=0 \\
   server-metrics=Off"""

_HANDLER = """\
import os
import sys

import {package}
import {reloader}

working_directory = {home!r}
debug_mode = {debug_mode!r}

os.environ['MOD_WSGI_EXPRESS'] = 'true'
os.environ['MOD_WSGI_SERVER_NAME'] = 'localhost'
os.environ['MOD_WSGI_SERVER_ALIASES'] = ''
if {reload_on_changes!r}:
    os.environ['MOD_WSGI_RELOADER_ENABLED'] = 'true'
if debug_mode:
    os.environ['MOD_WSGI_DEBUG_MODE'] = 'true'
    sys.path.insert(0, working_directory)
    os.chdir(working_directory)

handler = {package}.ApplicationHandler({entry_point!r}, application_type={application_type!r},
    callable_object='application', mount_point={mount_point!r}, with_newrelic_agent=False,
    debug_mode=debug_mode, enable_debugger=False, debugger_startup=False, enable_recorder={enable_recorder!r},
    recorder_directory='archive')

reload_required = handler.reload_required
handle_request = handler.handle_request

if {reload_on_changes!r} and not debug_mode:
    {reloader}.start_reloader({interval})
"""

_RESOURCE = """\
import {package}

handler = {package}.ResourceHandler({{'.tpl': {resource!r}}})
reload_required = handler.reload_required
handle_request = handler.handle_request
"""


class ExpressRoot(Server):
    """A served root. `defines` are the options of its start script; the rest are parts of `handler.wsgi`."""

    def __init__(self, workspace, variant, defines=(), application_type="script", mount_point="/", package="mod_wsgi.server",
                 reloader="mod_wsgi.server", reload_on_changes=False, enable_recorder=False, more="", files=None, options=""):
        self._defines = ["MOD_WSGI_WITH_LISTENER_HOST", "MOD_WSGI_KEEP_ALIVE",
                         f"MOD_WSGI_MPM_ENABLE_{variant.mpm.upper()}_MODULE", *defines]
        self._handler = {"application_type": application_type, "mount_point": mount_point, "package": package,
                         "reloader": reloader, "reload_on_changes": reload_on_changes, "interval": 0.05,
                         "enable_recorder": enable_recorder, "debug_mode": "ONE_PROCESS" in defines}
        self._more, self._options = more, options
        folder = workspace.new_folder()
        self.root, self.home = folder / "root", folder / "project"
        super().__init__(workspace, variant, "", folder=folder, files=files, env={
            "MOD_WSGI_MODULES_DIRECTORY": MODULE_FOLDER, "MOD_WSGI_SERVER_ROOT": str(self.root),
            "MOD_WSGI_LISTENER_HOST": "127.0.0.1"})

    def _configure(self):
        for folder in (self.root, self.root / "python-eggs", self.home, self.home / "lib", self.home / "files"):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
        user = httpd_user()
        values = {
            "root": self.root, "folder": self.folder, "home": self.home, "htdocs": self.folder / "htdocs", "host": "127.0.0.1",
            "port": self.port, "group": GROUP, "module": self.workspace.build.module, "python_home": sys.prefix,
            "identity": f"User {user}\nGroup {user}" if os.geteuid() == 0 else "", "loads": self._loads(),
            "mpm": self.variant.mpm, "more": self._more}
        values["options"] = (_OPTIONS + self._options).replace("{root}", str(self.root)).replace("{home}", str(self.home))
        text = _HTTPD_CONF
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", str(value))
        kind = self._handler["application_type"]
        entry_point = "site_module" if kind == "module" else str(self.home / "site.wsgi")
        made = {"httpd.conf": text, "rewrite.conf": "",
                "handler.wsgi": _HANDLER.format(home=str(self.home), entry_point=entry_point, **self._handler),
                "resource.wsgi": _RESOURCE.format(resource=str(self.home / "template.py"), **self._handler)}
        for name, content in made.items():
            self.write(f"root/{name}", content)

    @staticmethod
    def _loads():
        return "\n".join(f"<IfModule !{name}_module>\nLoadModule {name}_module "
                         f"'${{MOD_WSGI_MODULES_DIRECTORY}}/mod_{name}.so'\n</IfModule>" for name in _LOADED
                         if Path(MODULE_FOLDER, f"mod_{name}.so").exists())

    def _is_ready(self):
        """With -X no line of the log tells it."""
        return super()._is_ready() or "ONE_PROCESS" in self._defines and listens(self.pid, self.port)

    def arguments(self):
        """httpd and its arguments, as the root's start script has them."""
        defines = [f"-D{name}" for name in self._defines]
        alone = ["-X"] if "ONE_PROCESS" in self._defines else ["-DFOREGROUND"]
        return [HTTPD, "-f", str(self.root / "httpd.conf"), *defines, *alone]
