"""Where Hydra looks for configs: besides ours, in the folders of plugins."""

from __future__ import annotations

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

from nas.registry.plugins import plugins


class PluginConfigs(SearchPathPlugin):
    """Adds every plugin's folder of configs, after ours."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Called by Hydra whenever it makes a search path."""
        for plugin in plugins():
            if plugin.conf is not None:
                search_path.append(plugin.module, f"file://{plugin.conf}")


def add_plugins() -> None:
    """Make Hydra find the configs of plugins, from now on."""
    Plugins.instance().register(PluginConfigs)
